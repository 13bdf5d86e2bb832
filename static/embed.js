// A partner's page shows the portal in a frame: <kyc-onboarding src="https://PORTAL/o/…">.
(() => {
  "use strict";
  const script = document.currentScript.src;
  const portal = new URL(script).origin;
  const providers = "PROVIDER_ORIGINS".split(" ").filter(Boolean);
  // While a person may be at the provider's page, nobody takes it away from them.
  const busy = "HOSTED_PAGE_STAGES".split(" ");
  const words = {
    en: ["Identity verification", "Loading…", "We cannot connect right now. We keep trying.", "Try again",
      "This verification cannot be shown here.", "Open it in a new tab", "This link is no longer valid. Please ask for a new one."],
    es: ["Verificación de identidad", "Cargando…", "No podemos conectarnos en este momento. Seguimos intentando.", "Intentar de nuevo",
      "Esta verificación no se puede mostrar aquí.", "Abrir en otra pestaña", "Este enlace ya no es válido. Hay que pedir uno nuevo."],
    pt: ["Verificação de identidade", "Carregando…", "Não conseguimos conectar agora. Continuamos tentando.", "Tentar de novo",
      "Esta verificação não pode ser mostrada aqui.", "Abrir em outra aba", "Este link não é mais válido. É preciso pedir um novo."],
  };

  const make = (name, properties, style) => {
    const made = Object.assign(document.createElement(name), properties);
    // Not as text, which a page's own policy may forbid.
    Object.assign(made.style, style);
    return made;
  };
  const allow = ["camera", "microphone", "fullscreen", "autoplay", "encrypted-media", "clipboard-write"].join(" *; ") + " *";
  // In Chromium a page's own Permissions-Policy can shut the camera, and it says so.
  const hasCamera = (src) => make("iframe", { allow, src }).featurePolicy?.allowsFeature("camera") !== false;
  // An answer, one without anything in it where it takes too long, or null where there is none to be read.
  const ask = (url, headers) => fetch(url, {
    headers, cache: "no-store", credentials: "omit", referrerPolicy: "no-referrer", signal: AbortSignal.timeout?.(8000),
  }).catch(({ name }) => name === "TimeoutError" ? {} : null);

  class KycOnboarding extends HTMLElement {
    static observedAttributes = ["src"];

    attributeChangedCallback() {
      if (this.shadowRoot && this.isConnected) this.start();
    }

    connectedCallback() {
      if (getComputedStyle(this).display === "inline") this.style.display = "block";
      if (!this.shadowRoot) this.attachShadow({ mode: "open" });
      addEventListener("message", this);
      addEventListener("securitypolicyviolation", this);
      this.start();
    }

    disconnectedCallback() {
      removeEventListener("message", this);
      removeEventListener("securitypolicyviolation", this);
      this.stop();
    }

    stop() {
      clearTimeout(this.timer);
      this.run = this.frame = null;
      this.shadowRoot.replaceChildren();
    }

    start() {
      this.stop();
      this.run = {};
      this.isReady = this.stage = this.told = this.ended = this.warned = null;
      this.words = words[(this.closest("[lang]")?.lang || navigator.language).slice(0, 2)] || words.en;
      try { this.url = new URL(this.getAttribute("src"), location); } catch { this.url = null; }
      if (this.url?.origin !== portal) {
        this.fail("bad-src", `src must be an access link of ${portal}, where this script is from`);
        return;
      }
      this.say(1);
      this.frame = make("iframe", { allow, title: this.words[0] }, { display: "block", width: "100%", height: "30rem", border: "0" });
      this.frame.addEventListener("load", () => this.greet());
      this.shadowRoot.append(this.frame);
      this.camera = [portal, ...providers].every(hasCamera);
      if (!this.camera) this.warn();
      this.load();
    }

    load() {
      this.frame.src = this.url;
      this.wait(this.getAttribute("timeout") || 8000);
    }

    // That a frame was refused is told by no event, only by silence.
    wait(milliseconds) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.look(), milliseconds);
    }

    greet() {
      this.frame.contentWindow.postMessage({ source: "kyc-onboarding", version: 1, type: "hello", camera: this.camera }, portal);
      this.wait(this.getAttribute("timeout") || 8000);
    }

    handleEvent(event) {
      if (this.frame) this[event.type](event);
    }

    securitypolicyviolation({ blockedURI, effectiveDirective, disposition }) {
      if (disposition !== "enforce" || !blockedURI.startsWith(portal)) return;
      if (effectiveDirective === "frame-src" || (effectiveDirective === "connect-src" && !this.isReady)) {
        this.refuse("csp", `this page's Content-Security-Policy needs: frame-src ${[portal, ...providers].join(" ")}; connect-src ${portal}`);
      }
    }

    message({ source, origin, data }) {
      if (source !== this.frame.contentWindow || origin !== portal || data?.source !== "kyc-onboarding" || data.version !== 1) return;
      const { type, stage, status, height } = data;
      clearTimeout(this.timer);
      if (type === "ready") this.ready();
      if (type === "resize" && height > 0) this.frame.style.height = Math.min(height, 20000) + "px";
      if (type === "status") this.tell(stage, status);
      if (type === "finished" && this.ended !== stage) {
        this.ended = stage;
        this.emit("finished", { stage, status });
      }
      if (type === "error" && data.code === "camera-blocked") this.warn();
    }

    ready() {
      this.note.remove();
      if (this.isReady && this.getBoundingClientRect().top < 0) this.scrollIntoView();
      if (!this.isReady) this.emit("ready");
      this.isReady = true;
    }

    tell(stage, status) {
      this.stage = stage;
      if (this.told === stage + status) return;
      this.told = stage + status;
      this.emit("status", { stage, status });
    }

    // Silent: at the provider, refused, or is the portal away?
    async look() {
      const { run } = this;
      const at = new URL(this.url);
      at.pathname += "/status";
      const answer = await ask(at, { Accept: "application/json" });
      const found = answer?.ok && await answer.json().catch(() => null);
      const isUp = !answer && (await ask(script))?.ok;
      if (run !== this.run) return;
      if (found) this.follow(found);
      else if (answer?.status === 410 || answer?.status === 404) this.refuse("expired", "the portal knows no such link, or no more", 6);
      else if (this.isReady && busy.includes(this.stage)) this.wait(5000);
      else if (isUp) this.refuse("refused", `no page of ${location.origin} may hold this frame: add "${location.origin}" to the partner's origins in the portal's registry, and see that the partner is enabled`);
      else this.retry(1);
    }

    follow({ stage, status, poll_after_seconds: seconds }) {
      const isOver = this.stage && this.stage !== stage && !busy.includes(stage);
      // Never heard of, the frame may show nothing at all.
      if (this.isReady) this.note.remove();
      else this.note.replaceChildren(this.tab());
      this.tell(stage, status);
      if (isOver) this.load();
      else if (seconds) this.wait(1000 * seconds);
    }

    retry(tries) {
      const { run } = this;
      const again = async () => {
        clearTimeout(this.timer);
        const isUp = await ask(script);
        if (run !== this.run) return;
        if (isUp?.ok) this.start();
        else this.retry(tries + 1);
      };
      if (tries === 1) {
        this.say(2, make("button", { type: "button", textContent: this.words[3], onclick: again }));
        this.fail("unreachable", `${portal} does not answer`);
      }
      this.timer = setTimeout(again, Math.min(1000 * 2 ** tries, 30000));
    }

    refuse(code, message, word = 4) {
      this.stop();
      this.say(word, word === 4 ? this.tab() : "");
      this.fail(code, message);
    }

    tab() {
      return make("a", { href: this.url, target: "_blank", rel: "noopener", textContent: this.words[5] });
    }

    say(word, way = "") {
      this.note = make("p", {}, { margin: "0", padding: "1rem" });
      this.note.setAttribute("role", "status");
      this.note.append(this.words[word] + " ", way);
      this.shadowRoot.replaceChildren(this.note);
    }

    warn() {
      if (this.warned) return;
      this.warned = true;
      const origins = ["self", ...[portal, ...providers].map((it) => `"${it}"`)].join(" ");
      this.fail("camera-blocked", `the photos open in a new tab. A Permissions-Policy of this page needs: camera=(${origins}), microphone=(${origins})`);
    }

    fail(code, message) {
      console.error(`kyc-onboarding: ${code}: ${message}`);
      this.emit("error", { code, message });
    }

    emit(name, detail) {
      this.dispatchEvent(new CustomEvent(`kyc-${name}`, { detail, bubbles: true }));
    }
  }

  if (!customElements.get("kyc-onboarding")) customElements.define("kyc-onboarding", KycOnboarding);
})();

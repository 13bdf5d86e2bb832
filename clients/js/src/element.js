// A partner's page shows the portal in a frame: <kyc-onboarding src="https://PORTAL/o/…">.
// Names that end in _ are shortened when the script is built.

// While a person may be at the provider's page, nobody takes it away from them.
const BUSY = ["preparing", "ready", "waiting", "delayed"];
const WORDS = {
  en: ["Identity verification", "Loading…", "We cannot connect. We keep trying.", "Try again",
    "Verify in a new tab", "This link is no longer valid. Ask for a new one."],
  es: ["Verificación de identidad", "Cargando…", "No podemos conectarnos. Seguimos intentando.", "Intentar de nuevo",
    "Verificar en otra pestaña", "Este enlace ya no es válido. Hay que pedir uno nuevo."],
  pt: ["Verificação de identidade", "Carregando…", "Não conseguimos conectar. Continuamos tentando.", "Tentar de novo",
    "Verificar em outra aba", "Este link não é mais válido. É preciso pedir um novo."],
};
const TITLE = 0, LOADING = 1, AWAY = 2, AGAIN = 3, NEW_TAB = 4, EXPIRED = 5;
const ELEMENT = "kyc-onboarding";
const ALLOW = ["camera", "microphone", "fullscreen", "autoplay", "encrypted-media", "clipboard-write"].join(" *; ") + " *";

const make = (name, properties) => Object.assign(document.createElement(name), properties);
// In Chromium a page's own Permissions-Policy can shut the camera, and it says so.
const hasCamera = (src) => make("iframe", { allow: ALLOW, src }).featurePolicy?.allowsFeature("camera") !== false;
// An answer, one without anything in it where it takes too long, or null where there is none to be read.
const ask = (url, headers) => fetch(url, { headers, cache: "no-store", signal: AbortSignal.timeout(8000) })
  .catch(({ name }) => name === "TimeoutError" ? {} : null);
const PROPERTIES = ["src", "theme"];

// `home`: the portal's origin; without it, any portal that src names.
export const define = (home) => {
  if (!self.customElements || customElements.get(ELEMENT)) return;

  class KycOnboarding extends HTMLElement {
    static observedAttributes = ["lang", ...PROPERTIES];

    constructor() {
      super();
      // Neither an attribute nor an element, which a page's own policy may forbid, or a framework miss. Where there
      // are no such sheets this ends here, and the link inside stays.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(":host,iframe{display:block}:host([hidden]){display:none}iframe{width:100%;height:30rem;border:0}");
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
    }

    attributeChangedCallback(name, before, now) {
      if ((before || "") === (now || "") || !this.run_) return;
      if (name === "theme") this.greet_();
      else if (name === "src" || !BUSY.includes(this.stage_)) this.start_();
    }

    connectedCallback() {
      // Set before the script was there, they would hide the class's own.
      for (const name of PROPERTIES) {
        if (Object.hasOwn(this, name)) {
          const value = this[name];
          delete this[name];
          this[name] = value;
        }
      }
      addEventListener("message", this);
      addEventListener("securitypolicyviolation", this);
      this.start_();
    }

    disconnectedCallback() {
      removeEventListener("message", this);
      removeEventListener("securitypolicyviolation", this);
      this.stop_();
      this.run_ = null;
    }

    stop_() {
      clearTimeout(this.timer_);
      this.frame_ = null;
      this.shadowRoot.replaceChildren();
    }

    start_() {
      this.stop_();
      this.run_ = {};
      this.isReady_ = this.stage_ = this.told_ = this.ended_ = this.problem_ = this.camera_ = null;
      this.here_ = 0;
      this.providers_ = [];
      this.tries_ = 0;
      this.words_ = WORDS[(this.closest("[lang]")?.lang || navigator.language).slice(0, 2)] || WORDS.en;
      try { this.url_ = new URL(this.src, location); } catch { this.url_ = null; }
      this.portal_ = home || this.url_?.origin;
      if (this.url_?.origin !== this.portal_ || !/^\/o\/[^/]+$/.test(this.url_.pathname)) {
        this.url_ = "";
        this.refuse_("bad-src", `src must be ${home || "https://PORTAL"}/o/…`);
        return;
      }
      const { lang } = this;
      const language = lang.slice(0, 2);
      if (lang) this.url_.searchParams.set("lang", { es: lang === "es-AR" ? lang : "es", pt: "pt-BR" }[language] || language);
      const box = self.frameElement?.getAttribute("sandbox");
      if (self.origin === "null" || (box != null && !/allow-forms/.test(box))) {
        this.refuse_("sandbox", "this page is in a sandbox");
        return;
      }
      this.say_(LOADING);
      // By the name the portal's page knows whom to tell that it is there.
      this.frame_ = make("iframe", { allow: ALLOW, title: this.words_[TITLE], name: `${ELEMENT} ${origin}` });
      this.frame_.onload = () => {
        this.here_--;
        this.wait_();
      };
      this.shadowRoot.append(this.frame_);
      this.load_();
    }

    origins_() {
      return [this.portal_, ...this.providers_];
    }

    load_() {
      this.frame_.src = this.url_;
      this.wait_();
    }

    // That a frame was refused is told by no event, only by silence.
    wait_(milliseconds = this.getAttribute("timeout") || 8000) {
      clearTimeout(this.timer_);
      this.timer_ = setTimeout(() => this.look_(), milliseconds);
    }

    handleEvent(event) {
      if (this.frame_) this[event.type](event);
    }

    securitypolicyviolation({ blockedURI, effectiveDirective, disposition }) {
      if (disposition !== "enforce" || !this.origins_().some((it) => blockedURI.startsWith(it))) return;
      if (effectiveDirective === "frame-src" || (effectiveDirective === "connect-src" && !this.isReady_)) {
        this.refuse_("csp", `Content-Security-Policy needs frame-src ${this.origins_().join(" ")} and the provider, connect-src ${this.portal_}`);
      }
    }

    message({ source, origin, data }) {
      if (source !== this.frame_.contentWindow || origin !== this.portal_ || data?.source !== ELEMENT || data.version !== 1) return;
      const { type, stage, status, height, providers } = data;
      clearTimeout(this.timer_);
      if (type === "here") this.meet_(providers);
      if (type === "ready") this.ready_();
      if (type === "resize" && height > 0) this.frame_.style.height = Math.min(height, 20000) + "px";
      if (type === "status") this.tell_(stage, status);
      if (type === "finished" && this.ended_ !== stage) {
        this.ended_ = stage;
        this.emit_("finished", { stage, status });
      }
      if (type === "error" && this.camera_) this.camera_ = this.warn_();
    }

    meet_(providers) {
      this.providers_ = providers;
      this.here_ = 2; // until the load after its own
      this.camera_ ??= this.origins_().every(hasCamera) || this.warn_();
      this.greet_();
      this.wait_();
    }

    // Whoever else is in the frame, the provider or a browser's error page, is told nothing.
    greet_() {
      if (this.here_ < 1) return;
      let { theme } = this;
      if (theme === "auto") {
        const page = getComputedStyle(this).colorScheme;
        theme = /dark/.test(page) && (!/light/.test(page) || matchMedia("(prefers-color-scheme:dark)").matches) ? "dark" : "light";
      }
      this.frame_.contentWindow.postMessage({ source: ELEMENT, version: 1, type: "hello", camera: this.camera_, theme }, this.portal_);
    }

    ready_() {
      this.note_.remove();
      if (this.isReady_ && this.getBoundingClientRect().top < 0) this.scrollIntoView();
      if (!this.isReady_) this.emit_("ready");
      this.isReady_ = true;
    }

    tell_(stage, status) {
      this.stage_ = stage;
      if (this.told_ === stage + status) return;
      this.told_ = stage + status;
      this.emit_("status", { stage, status });
    }

    // Silent, or out of order: at the provider, refused, is the portal away, or is all well again?
    async look_() {
      const { run_: run, portal_: portal } = this;
      clearTimeout(this.timer_);
      const at = new URL(this.url_);
      at.pathname += "/status";
      const answer = await ask(at, { Accept: "application/json" });
      const body = await answer?.json?.().catch(() => null);
      const isAway = this.isReady_ && this.frame_ && BUSY.includes(this.stage_);
      const isUp = !answer && !isAway && (await ask(portal + "/embed.js"))?.ok;
      // Only its own headers tell of a page's policy: require-corp or credentialless, but not unsafe-none.
      const isIsolated = answer?.ok && !this.told_ &&
        /re/.test((await ask(location))?.headers?.get("Cross-Origin-Embedder-Policy"));
      if (run !== this.run_) return;
      if (isIsolated) this.refuse_("coep", "this page sends Cross-Origin-Embedder-Policy");
      else if (answer?.ok && body) this.follow_(body);
      else if (body?.code === "switched_off") this.refuse_("switched-off", "the partner is switched off", AWAY);
      else if (answer?.status === 410 || answer?.status === 404) this.refuse_("expired", "there is no such link", EXPIRED);
      else if (isAway) this.wait_(5000);
      else if (isUp) this.refuse_("refused", `add "${origin}" to the partner's origins`);
      else this.refuse_("unreachable", `${portal} does not answer`, AWAY);
    }

    follow_({ stage, status, poll_after_seconds: seconds }) {
      if (!this.frame_) return this.start_();
      const isOver = this.stage_ && this.stage_ !== stage && !BUSY.includes(stage);
      // Never heard of, the frame may show nothing at all.
      if (this.isReady_) this.note_.remove();
      else this.note_.replaceChildren(...this.way_());
      this.tell_(stage, status);
      if (isOver) this.load_();
      else if (seconds) this.wait_(1000 * seconds);
    }

    refuse_(code, message, word) {
      if (this.problem_ !== code) {
        this.stop_();
        this.problem_ = code;
        this.say_(word, word === AWAY ? make("button", { type: "button", textContent: this.words_[AGAIN], onclick: () => this.look_() }) : "", ...this.way_());
        this.fail_(code, message);
      }
      // The others end with another src, or with another answer of the page's own server.
      if (word || code === "refused") this.wait_(Math.min(1000 * 2 ** ++this.tries_, 30000));
    }

    // The page's own link, or one of ours. A script that is loaded before the page's link is read meets it only later.
    way_() {
      // Browsers that know style sheets like ours give a new tab no opener.
      const ours = this.url_ && make("a", { href: this.url_, target: "_blank", textContent: this.words_[NEW_TAB] });
      return [make("slot", { onslotchange: () => this.querySelector("a[href]") && ours.remove?.() }), ours];
    }

    say_(word, ...more) {
      this.note_ = make("p", { role: "status" });
      this.note_.append(this.words_[word] || "", " ", ...more);
      this.shadowRoot.replaceChildren(this.note_);
    }

    warn_() {
      this.fail_("camera-blocked", `Permissions-Policy needs camera and microphone for self ${this.origins_().join(" ")}`);
      return false;
    }

    fail_(code, message) {
      console.error(`${ELEMENT}: ${code}: ${message}`);
      this.emit_("error", { code, message });
    }

    // A moment later, when whoever made the element listens to it.
    emit_(name, detail) {
      queueMicrotask(() => this.dispatchEvent(new CustomEvent(`kyc-${name}`, { detail, bubbles: true })));
    }
  }

  for (const name of PROPERTIES) {
    Object.defineProperty(KycOnboarding.prototype, name, {
      get() { return this.getAttribute(name) || ""; },
      set(value) { value ? this.setAttribute(name, value) : this.removeAttribute(name); },
    });
  }
  customElements.define(ELEMENT, KycOnboarding);
};

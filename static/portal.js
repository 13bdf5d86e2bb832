// Comfort on top of htmx: without this file everything works.
(() => {
  "use strict";
  const own = document.currentScript.src;
  const one = (selector) => document.querySelector(selector);
  const on = (name, act, how) => addEventListener(name, act, how);
  const text = (selector) => (one(selector) || { textContent: "" }).textContent.trim().replace(/\s+/g, " ");

  // Speech: what changed, and nothing else of the page.
  const say = (words) => {
    const said = one("#said");
    said.textContent = "";
    setTimeout(() => { said.textContent = words; }, 100);
  };
  const news = () => [text("#status h1"), text("#status [data-say], #status .headed ~ p:not(.working)")];
  let told = news();
  let focused;

  on("htmx:before:swap", (event) => {
    const { target, text: answer } = event.detail.ctx;
    // A network's own log-in page is no news of ours.
    if (!answer.includes(`id="${target.id}"`)) event.preventDefault();
    focused = document.activeElement;
  });

  // Beside "in about 5 hours" the clock time, and the day if it is not today's: only the browser knows the time zone.
  const clocks = () => document.querySelectorAll("time").forEach((it) => {
    const at = new Date(it.dateTime);
    const { lang } = document.documentElement;
    const time = at.toLocaleTimeString(lang, { timeStyle: "short", hourCycle: lang === "en" ? "h12" : "h23" });
    const days = Math.round((new Date(at).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 864e5);
    const date = days > 6 && { day: "numeric", month: "long" };
    const day = days === 1
      ? new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(1, "day")
      : at.toLocaleDateString(lang, { weekday: "long", ...date });
    it.dataset.clock = days ? `${day},\u00a0${time}` : time;
  });

  on("htmx:after:swap", () => {
    const onward = one("[data-leads-to]");
    if (onward) {
      location.assign(onward.dataset.leadsTo);
      return;
    }
    hosted();
    echo();
    clocks();
    reread();
    tellStage();
    const lost = focused && !document.contains(focused);
    if (lost) one("#status h1")?.focus();
    const [title, sentence] = news();
    if (title + sentence === told.join("")) return;
    told = [title, sentence];
    say(lost ? sentence : `${title}. ${sentence}`);
  });

  // With a mouse, a phone is offered for the photos. In the address, because proxies drop headers.
  on("htmx:config:request", ({ target, detail: { ctx: { request: { body } } } }) => {
    if (target.id !== "status") return;
    if (matchMedia("(hover: hover) and (pointer: fine)").matches) body.set("pointer", "fine");
    if (camera === false) body.set("camera", "none");
  });

  // What hangs is given up and asked again, each time after twice as long.
  const SHORTEST = 5000;
  let patience = SHORTEST;
  // Read when it is sent, which may be later.
  on("htmx:config:request", ({ detail: { ctx: { request } } }) => {
    Object.defineProperty(request, "timeout", { get: () => patience });
  });
  on("htmx:after:request", () => { patience = SHORTEST; });
  on("htmx:error", ({ target, detail: { ctx } }) => {
    if (!ctx || ctx.request.signal.reason !== "timeout") return;
    patience = Math.min(2 * patience, 60000);
    target.dispatchEvent(new Event("look"));
  });

  // Whoever comes back does not wait for what may hang.
  const lookNow = () => {
    const status = one("#status");
    if (!status) return;
    patience = SHORTEST;
    status.dispatchEvent(new Event("htmx:abort"));
    status.dispatchEvent(new Event("look"));
  };
  on("online", lookNow);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) lookNow(); });
  // The first comes with the page.
  on("pageshow", () => on("pageshow", lookNow), { once: true });

  // A portal in trouble says when to ask again; pages come back a little apart.
  let restUntil = 0;
  on("htmx:after:request", ({ detail: { ctx: { response: { status, headers } } } }) => {
    const seconds = status === 503 ? Number(headers.get("Retry-After")) : 0;
    if (seconds > 0) restUntil = Date.now() + Math.min(seconds, 60) * 1000 * (1 + Math.random() / 2);
  });
  on("htmx:config:request", (event) => {
    if (event.target.id === "status" && Date.now() < restUntil) event.preventDefault();
  });

  // In a frame on a partner's page. Nothing is said before it says hello, and then to its own origin only.
  const embedders = (one("meta[name=embedders]") || { content: "" }).content.split(" ");
  const isEmbedded = embedders[0] !== "" && parent !== window;
  let embedder;
  let camera = isEmbedded ? undefined : true; // not known before hello
  let toldStage = "";

  const tell = (type, more) => {
    if (embedder) parent.postMessage({ source: "kyc-onboarding", version: 1, type, ...more }, embedder);
  };
  const tellStage = () => {
    const shown = one("#status") || one("main form");
    if (!embedder || !shown) return;
    const { stage = "details", status = "pending" } = shown.dataset;
    if (toldStage === stage + status) return;
    toldStage = stage + status;
    tell("status", { stage, status });
    if ("finished" in shown.dataset) tell("finished", { stage, status });
  };
  const tellHeight = () => tell("resize", { height: Math.ceil(document.body.getBoundingClientRect().height) });
  // The provider is asked later, but where the camera is shut for us nobody has it.
  const mayAsk = async () => {
    try { return (await navigator.permissions.query({ name: "camera" })).state !== "denied"; } catch { return true; }
  };
  const settle = (isOpen) => {
    camera = isOpen;
    hosted();
    if (!camera) look();
  };

  // The partner's page may be light where the person's system is dark.
  const queries = new Map();
  const paint = (theme) => {
    const [always, never] = ["(min-width: 0)", "not all"];
    const forced = { dark: always, light: never }[theme];
    document.documentElement.style.colorScheme = forced ? theme : "";
    for (const rule of [...document.styleSheets].flatMap((it) => [...it.cssRules])) {
      if (!queries.has(rule)) queries.set(rule, rule.media?.mediaText || "");
      const asked = queries.get(rule);
      if (asked.includes("prefers-color-scheme")) rule.media.mediaText = forced || asked;
    }
  };

  if (isEmbedded) {
    document.documentElement.classList.add("embedded");
    // A frame that somebody wrote by hand may never say hello.
    setTimeout(async () => { if (camera === undefined) settle(await mayAsk()); }, 2000);
    on("message", async ({ source, origin, data }) => {
      if (source !== parent || !embedders.includes(origin)) return;
      if (!data || data.source !== "kyc-onboarding" || data.version !== 1 || data.type !== "hello") return;
      const isFirst = !embedder;
      embedder = origin;
      paint(data.theme);
      tell("ready");
      toldStage = "";
      tellStage();
      if (isFirst) new ResizeObserver(tellHeight).observe(document.body);
      const isOpen = await mayAsk();
      if (data.camera !== false && !isOpen) tell("error", { code: "camera-blocked" });
      settle(isOpen && data.camera !== false);
    });
    // embed.js wrote its origin into the frame's name, and says hello once it knows us.
    const [who, at] = window.name.split(" ");
    const providers = one("meta[name=providers]").content.split(" ").filter(Boolean);
    if (who === "kyc-onboarding" && embedders.includes(at)) {
      parent.postMessage({ source: who, version: 1, type: "here", providers }, at);
    }
  }

  // The hosted page in a frame stands before #status: no poll touches it.
  const hosted = () => {
    const wanted = one("template[data-hosted]");
    const shown = one(".hosted");
    if (shown && !wanted) shown.remove();
    if (shown || !wanted || !camera) return;
    one("#status").before(wanted.content.cloneNode(true));
    one(".hosted iframe").addEventListener("load", loaded);
  };
  const loaded = ({ target }) => {
    let isOurs = false;
    try { isOurs = target.contentWindow.location.pathname === "/return"; } catch { /* the provider's, not to be read */ }
    target.parentNode.classList.toggle("hosted--done", isOurs);
    look();
  };
  let hint;
  const look = () => {
    clearTimeout(hint);
    hint = setTimeout(() => (one("#status") || document).dispatchEvent(new Event("look")), 300);
  };
  on("message", ({ source }) => {
    const frame = one(".hosted iframe");
    // Never believed: whatever it says, the portal is asked.
    if (frame && source === frame.contentWindow) look();
  });

  const connected = () => {
    const notice = one("[data-offline]");
    notice.textContent = navigator.onLine ? "" : notice.dataset.offline;
  };
  on("online", connected);
  on("offline", connected);

  // What a person sends waits while the network or the portal is away: nothing typed is lost.
  let held;
  let sending;
  let again;
  // An error may be a proxy's own: a second press, or hanging twice, sends it all the same.
  const reaches = async (it) => {
    try {
      const how = { method: "HEAD", cache: "no-store", redirect: "manual", signal: AbortSignal.timeout(it.patience) };
      it.isDoubtful = [502, 503, 504].includes((await fetch(`${own}-${Date.now()}`, how)).status);
      return !it.isDoubtful;
    } catch (error) {
      it.isDoubtful = !(error instanceof TypeError);
      if (it.isDoubtful) it.patience *= 2;
      return it.isDoubtful && it.patience > 2 * SHORTEST && navigator.onLine;
    }
  };
  const release = async () => {
    clearTimeout(again);
    if (!held || held.asks) return;
    const it = held;
    it.asks = true;
    const isUp = await reaches(it);
    it.asks = false;
    if (held !== it) return;
    const told = one("#unsent");
    if (!it.pressed.isConnected) held = undefined; // the page has gone on meanwhile
    if (!held) return;
    if (isUp) {
      held = undefined;
      if (told) told.remove();
      it.go();
      return;
    }
    again = setTimeout(release, 3000);
    if (told) return;
    const words = one("[data-unsent]").dataset.unsent;
    const note = document.createElement("p");
    Object.assign(note, { id: "unsent", className: "notice notice--warn", textContent: words });
    it.pressed.after(note);
    say(words);
  };
  const hold = (event, pressed, go) => {
    if (!HTMLFormElement.prototype.requestSubmit || !AbortSignal.timeout) return;
    if (held?.isDoubtful) {
      held = undefined;
      return;
    }
    event.preventDefault();
    if (!held || !held.asks) held = { pressed, go, patience: SHORTEST };
    release();
  };
  on("submit", (event) => {
    const { target, submitter } = event;
    if (event.defaultPrevented || target === sending || target.target || target.method !== "post") return;
    // The unseen button, which Enter presses, has its place elsewhere.
    const isSeen = submitter && !submitter.matches(".unseen, [hidden]");
    const pressed = isSeen ? submitter : target.lastElementChild;
    hold(event, pressed, () => {
      sending = target;
      target.requestSubmit(submitter);
      sending = undefined;
    });
  });
  on("online", release);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) release(); });

  // The number as the country prints it, while it is typed.
  const echo = () => {
    const shown = one("[data-groups]");
    if (!shown) return;
    const number = one("#document_number").value.toUpperCase().replace(/[^0-9A-ZÑ&]/g, "");
    const groups = shown.dataset.groups.split(" ").find((it) => it.split("#").length - 1 === number.length);
    let at = 0;
    const grouped = groups ? groups.replace(/#/g, () => number[at++]) : number;
    shown.hidden = !number;
    shown.lastElementChild.textContent = one("#shown_number").value = grouped;
  };

  // A tick is for the text that was read.
  let read = one("[name=read]");
  const reread = () => {
    const before = read;
    read = one("[name=read]");
    const tick = one("[name=consent]:checked");
    if (!tick || before.value === read.value) return;
    tick.checked = false;
    say(read.parentNode.dataset.reread);
  };

  const copy = (button) => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    navigator.clipboard.writeText(field.value).then(() => {
      button.textContent = button.dataset.done;
      say(button.dataset.done);
    }, () => field.focus());
  };

  // Another language keeps what was typed, by POST and not in an address.
  const translate = (event, link) => {
    const typed = [...document.querySelectorAll("form.details input:not([type=hidden])")];
    if (!typed.some((it) => (it.type === "checkbox" ? it.checked : it.value))) return;
    event.preventDefault();
    const button = document.createElement("button");
    Object.assign(button, { hidden: true, name: "action", value: "language", formAction: link.href });
    one("form.details").append(button);
    button.click();
  };

  const share = ({ dataset }) => {
    const field = document.getElementById(dataset.share);
    navigator.share({ url: field.value }).catch(({ name }) => {
      if (name === "AbortError") return;
      document.documentElement.classList.remove("can-share");
      field.focus();
    });
  };
  const mayShare = parent === window || document.featurePolicy?.allowedFeatures().includes("web-share");

  on("click", (event) => {
    const button = event.target.closest("[data-copy]");
    const shared = event.target.closest("[data-share]");
    const link = event.target.closest("a[hreflang]");
    if (button) copy(button);
    if (shared) share(shared);
    if (event.target.closest("[data-print]")) print();
    const isPlain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (link && isPlain) translate(event, link);
    const onward = event.target.closest("main a.button:not([target]):not([download])");
    if (onward && isPlain && onward.origin === location.origin) {
      hold(event, onward, () => location.assign(onward.href));
    }
  });

  if (navigator.clipboard) document.documentElement.classList.add("can-copy");
  if (mayShare && navigator.canShare?.({ url: location.href })) document.documentElement.classList.add("can-share");
  for (const name of ["input", "change", "pageshow"]) on(name, echo);
  connected();
  hosted();
  echo();
  clocks();
  document.documentElement.classList.add("scripted");
})();

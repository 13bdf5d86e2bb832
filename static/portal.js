// Comfort on top of htmx. Without this file everything works, with a click or a reload more.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const on = (name, act) => addEventListener(name, act);
  const text = (selector) => (one(selector) || { textContent: "" }).textContent.trim().replace(/\s+/g, " ");

  // Speech: what changed, and nothing else of the page.
  const say = (words) => {
    const said = one("#said");
    said.textContent = "";
    setTimeout(() => { said.textContent = words; }, 100);
  };
  const news = () => [text("#status h1"), text("#status [data-say], #status h1 ~ p:not(.working)")];
  let told = news();
  let focused;

  on("htmx:before:swap", (event) => {
    const { target, text: answer } = event.detail.ctx;
    // A network's own log-in page is no news of ours, whatever status it comes with.
    if (!answer.includes(`id="${target.id}"`)) event.preventDefault();
    focused = document.activeElement;
  });

  on("htmx:after:swap", () => {
    hosted();
    const lost = focused && !document.contains(focused);
    if (lost) one("#status h1").focus();
    const [title, sentence] = news();
    if (title + sentence === told.join("")) return;
    told = [title, sentence];
    say(lost ? sentence : `${title}. ${sentence}`);
  });

  // With a mouse there may be a phone with a better camera: the page offers it instead of going on at once.
  on("htmx:config:request", (event) => {
    if (matchMedia("(hover: hover) and (pointer: fine)").matches) event.detail.ctx.request.headers["X-Pointer"] = "fine";
  });

  // The hosted page in a frame stands before #status, so that no poll touches it.
  const hosted = () => {
    const wanted = one("template[data-hosted]");
    const shown = one(".hosted");
    if (shown && !wanted) shown.remove();
    if (shown || !wanted) return;
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
    hint = setTimeout(() => one("#status").dispatchEvent(new Event("look")), 300);
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

  const copy = (button) => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    navigator.clipboard.writeText(field.value).then(() => {
      button.textContent = button.dataset.done;
      say(button.dataset.done);
    }, () => field.focus());
  };

  // Another language keeps what was typed: sent by POST, so that nothing of it gets into an address.
  const translate = (event, link) => {
    const typed = [...document.querySelectorAll("form.details input:not([type=hidden])")];
    if (!typed.some((it) => (it.type === "checkbox" ? it.checked : it.value))) return;
    event.preventDefault();
    const button = document.createElement("button");
    Object.assign(button, { hidden: true, name: "action", value: "language", formAction: link.href });
    one("form.details").append(button);
    button.click();
    button.remove();
  };

  on("click", (event) => {
    const button = event.target.closest("[data-copy]");
    const link = event.target.closest("a[hreflang]");
    if (button) copy(button);
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) translate(event, link);
  });

  if (navigator.clipboard) document.documentElement.classList.add("can-copy");
  connected();
  hosted();
})();

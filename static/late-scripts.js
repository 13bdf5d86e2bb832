// In every page: when htmx or portal.js does not arrive, the page does what it does without scripts.
{
  const root = document.documentElement;
  const works = () => window.htmx && root.classList.contains("scripted");
  const again = () => works() || document.querySelector(".hosted") || location.reload();
  const help = () => {
    if (works() || root.classList.contains("unscripted")) return;
    root.classList.add("unscripted");
    const refresh = document.querySelector("head noscript");
    if (refresh) setInterval(again, 1000 * refresh.textContent.match(/content="(\d+)"/)[1]);
    document.querySelectorAll("body noscript").forEach((it) => { it.outerHTML = it.textContent; });
  };
  addEventListener("error", ({ target }) => { if (target.localName === "script") help(); }, true);
  setTimeout(help, 8000);
}

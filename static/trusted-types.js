// In every page, because htmx can do nothing without it. The only way from text to markup, for what htmx fetched:
// nothing that would run gets into the page.
if (window.trustedTypes) {
  const runs = /<script|<[^>]*\Won\w+\s*=|javascript:/i;
  trustedTypes.createPolicy("default", { createHTML: (html) => (runs.test(html) ? null : html) });
}

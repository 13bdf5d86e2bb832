"use strict";

document.addEventListener("kyc-finished", () => {
  document.getElementById("finished").hidden = false;
});

const log = document.getElementById("log");

setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(log.dataset.log).catch(() => null);
  if (answer?.ok) log.innerHTML = await answer.text();
}, 2000);

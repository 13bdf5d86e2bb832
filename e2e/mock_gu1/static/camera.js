"use strict";

const tell = (type) => parent.postMessage({ type: `didit:${type}`, data: {}, timestamp: Date.now() }, "*");

document.getElementById("open-camera").addEventListener("click", async () => {
  const said = document.getElementById("camera");
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: true });
    said.textContent = stream.getTracks().map((track) => track.kind).sort().join(" and ");
    tell("media_started");
  } catch (error) {
    said.textContent = error.name;
  }
});

tell("ready");

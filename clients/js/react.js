"use client";
import { createElement, useRef } from "react";
import { define } from "./src/element.js";

const EVENTS = ["ready", "status", "finished", "error"];

/** <kyc-onboarding> with its events as properties. What is inside is shown whenever the frame is not. */
export function KycOnboarding({ onReady, onStatus, onFinished, onError, className, hidden, children, ...attributes }) {
  const handlers = useRef();
  handlers.current = { "kyc-ready": onReady, "kyc-status": onStatus, "kyc-finished": onFinished, "kyc-error": onError };
  const hear = useRef((event) => handlers.current[event.type]?.(event.detail, event));
  const attach = useRef((element) => {
    if (!element) return;
    // The same listener twice is one, so strict mode adds none; and they go with their element.
    for (const name of EVENTS) element.addEventListener(`kyc-${name}`, hear.current);
    define(); // not before somebody listens
  });
  // React 18 would write hidden="false", which hides as well.
  const written = { ...attributes, class: className, hidden: hidden || undefined, ref: attach.current };
  return createElement("kyc-onboarding", written, children);
}

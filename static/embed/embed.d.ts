// Types of what /embed.js defines: <kyc-onboarding>, its properties and events.

export type Stage =
  | "details" | "preparing" | "ready" | "waiting" | "confirming" | "in_review" | "approved" | "rejected" | "expired"
  | "abandoned" | "cancelled" | "delayed" | "closed" | "lapsed"
  | (string & {}); // later releases may have more

export type Status =
  | "pending" | "in_progress" | "in_review" | "approved" | "rejected" | "expired" | "abandoned" | "cancelled" | "unknown"
  | (string & {});

export type ErrorCode =
  | "refused" | "csp" | "coep" | "sandbox" | "camera-blocked" | "unreachable" | "expired" | "switched-off" | "bad-src"
  | (string & {});

export interface StatusDetail {
  stage: Stage;
  status: Status;
}

export interface ErrorDetail {
  code: ErrorCode;
  /** For developers. */
  message: string;
}

export interface KycOnboardingEvents {
  "kyc-ready": CustomEvent<null>;
  "kyc-status": CustomEvent<StatusDetail>;
  "kyc-finished": CustomEvent<StatusDetail>;
  "kyc-error": CustomEvent<ErrorDetail>;
}

export type Theme = "light" | "dark" | "auto";

export interface KycOnboardingElement extends HTMLElement {
  /** The link that the portal's API gave for this customer; empty if there is none. */
  src: string;
  /** `auto` is the colour scheme of the page around it. Empty: what the customer's system prefers. */
  theme: Theme | "";
  addEventListener<K extends keyof KycOnboardingEvents>(
    type: K,
    listener: (this: KycOnboardingElement, event: KycOnboardingEvents[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<K extends keyof HTMLElementEventMap>(
    type: K,
    listener: (this: KycOnboardingElement, event: HTMLElementEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    "kyc-onboarding": KycOnboardingElement;
  }
  // They bubble, so any element or the document hears them.
  interface GlobalEventHandlersEventMap extends KycOnboardingEvents {}
}

import type { KycOnboardingEvents, Theme } from "./embed.js";

type Handlers = { [K in keyof KycOnboardingEvents as `on:${K}` | `on${K}`]?: (event: KycOnboardingEvents[K]) => void };

declare global {
  namespace svelteHTML {
    interface IntrinsicElements {
      "kyc-onboarding": Handlers & { src?: string; theme?: Theme; lang?: string; timeout?: number | string; id?: string };
    }
  }
}

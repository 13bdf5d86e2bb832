import type { Client } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type OnboardingRequest = components["schemas"]["OnboardingRequest"];
export type Started = components["schemas"]["Started"];
export type Onboarding = components["schemas"]["Summary"];
export type Problem = components["schemas"]["Problem"];

export interface Notification {
  /** `onboarding.updated`, or a type that a later release has. */
  type: string;
  timestamp: string;
  data: Onboarding & { sequence: number };
}

export interface Returned {
  onboarding_id: string;
  status: string;
  state?: string;
  t: string;
  [parameter: string]: string | undefined;
}

export class PortalError extends Error {
  status: number;
  code?: string;
  problem?: Problem;
}

export class KycPortal {
  constructor(settings: { url: string; key: string; secrets?: string[]; fetch?: typeof globalThis.fetch });
  readonly api: Client<paths>;
  create(onboarding: OnboardingRequest, options?: { idempotencyKey?: string }): Promise<Started>;
  read(id: string): Promise<Onboarding>;
  notification(body: string | Buffer, headers: Record<string, string | string[] | undefined>): Notification;
  returned(url: string): Returned | null;
}

// Compiled with the types of React 18 and 19, never run.
import type { IncomingHttpHeaders } from "node:http";
import "@kyc-onboarding-portal/kyc-onboarding";
import { KycOnboarding } from "@kyc-onboarding-portal/kyc-onboarding/react";
import { KycPortal, PortalError } from "@kyc-onboarding-portal/kyc-onboarding/server";

export const component = (
  <KycOnboarding src="https://verify.example.com/o/x" theme="dark" onFinished={({ stage, status }) => `${stage} ${status}`} />
);
export const element = <kyc-onboarding src="https://verify.example.com/o/x" theme="auto" />;
// @ts-expect-error no such theme
export const wrong = <KycOnboarding src="" theme="pink" />;

const found = document.querySelector("kyc-onboarding")!;
found.src = "https://verify.example.com/o/y";
found.addEventListener("kyc-error", ({ detail }) => detail.code === "refused");
document.addEventListener("kyc-finished", ({ detail }) => detail.status.toUpperCase());

export const heard = (portal: KycPortal, headers: IncomingHttpHeaders) => portal.notification("", headers).data.sequence;

export async function journey(portal: KycPortal): Promise<string> {
  try {
    const started = await portal.create({ external_id: "customer-7" }, { idempotencyKey: "order-1" });
    const { status } = await portal.read(started.id);
    switch (status) {
      case "approved": return "verified";
      default: return status; // also one that a later release has
    }
  } catch (error) {
    if (error instanceof PortalError && error.code === "another_applicant") return "another";
    throw error;
  }
}

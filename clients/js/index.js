// Defines <kyc-onboarding> in browsers; on a server it does nothing.
import { define } from "./src/element.js";

if (typeof window !== "undefined") define();

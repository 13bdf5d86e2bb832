import type { ErrorDetail, StatusDetail, Theme } from "./embed.js";

interface Props {
  src?: string;
  theme?: Theme;
  lang?: string;
  timeout?: number | string;
  onKycReady?: (event: CustomEvent<null>) => void;
  onKycStatus?: (event: CustomEvent<StatusDetail>) => void;
  onKycFinished?: (event: CustomEvent<StatusDetail>) => void;
  onKycError?: (event: CustomEvent<ErrorDetail>) => void;
}

declare module "vue" {
  interface GlobalComponents {
    "kyc-onboarding": new () => { $props: Props };
  }
}

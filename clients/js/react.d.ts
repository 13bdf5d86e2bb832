import type { DetailedHTMLProps, HTMLAttributes, JSX, ReactNode } from "react";
import type { ErrorDetail, KycOnboardingElement, StatusDetail, Theme } from "./embed.js";

export interface KycOnboardingProps {
  /** The link that the portal's API gave for this customer. */
  src: string;
  theme?: Theme;
  lang?: string;
  /** Milliseconds of silence until the portal is asked what is wrong; 8000 by default. */
  timeout?: number;
  id?: string;
  className?: string;
  hidden?: boolean;
  onReady?: () => void;
  onStatus?: (detail: StatusDetail, event: CustomEvent<StatusDetail>) => void;
  onFinished?: (detail: StatusDetail, event: CustomEvent<StatusDetail>) => void;
  onError?: (detail: ErrorDetail, event: CustomEvent<ErrorDetail>) => void;
  /** Shown whenever the frame is not: a link to the same address. */
  children?: ReactNode;
}

export function KycOnboarding(props: KycOnboardingProps): JSX.Element;

type ElementProps = DetailedHTMLProps<HTMLAttributes<KycOnboardingElement>, KycOnboardingElement> & {
  src?: string;
  theme?: Theme;
  timeout?: number;
  class?: string;
};

// React 19.
declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "kyc-onboarding": ElementProps;
    }
  }
}

// React 18.
declare global {
  namespace JSX {
    interface IntrinsicElements {
      "kyc-onboarding": ElementProps;
    }
  }
}

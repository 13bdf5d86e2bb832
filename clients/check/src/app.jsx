import { StrictMode, useState } from "react";
import { KycOnboarding } from "@kyc-onboarding-portal/kyc-onboarding/react";

function Checkout({ link }) {
  const [finished, setFinished] = useState("");
  const [mounts, setMounts] = useState(0);
  return (
    <main>
      <h1>Checkout</h1>
      <p id="finished">{finished}</p>
      <button id="mount" onClick={() => setMounts(mounts + 1)}>Mount anew</button>
      <KycOnboarding key={mounts} id="kyc" src={link} theme="auto" hidden={false} onFinished={({ status }) => setFinished(status)}>
        <a href={link}>Verify your identity</a>
      </KycOnboarding>
    </main>
  );
}

export const App = ({ link }) => <StrictMode><Checkout link={link} /></StrictMode>;

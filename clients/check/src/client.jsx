import { hydrateRoot } from "react-dom/client";
import { App } from "./app.jsx";

const root = document.querySelector("#root");
hydrateRoot(root, <App link={root.dataset.link} />, { onRecoverableError: (error) => console.error("hydration", error) });

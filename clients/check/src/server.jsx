import { renderToString } from "react-dom/server";
import { App } from "./app.jsx";

export const render = (link) => renderToString(<App link={link} />);

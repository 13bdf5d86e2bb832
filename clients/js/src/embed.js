// What the portal serves as /embed.js. The element belongs to the portal that this script was loaded from.
import { define } from "./element.js";

// A module has no currentScript, and a script that is no module cannot ask for its own address.
const address = document.currentScript?.src || /https?:[^\s)]+(?=:\d+:\d+)/.exec(new Error().stack)?.[0];
define(address && new URL(address).origin);

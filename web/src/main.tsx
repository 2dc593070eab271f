/** First the language, then the page: every module takes its texts when it is loaded. */
import "@fontsource-variable/inter";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./styles.css";

import { begin } from "./language";

void begin().then(() => import("./app"));

import { createTheme, type MantineColorsTuple } from "@mantine/core";
import { texts } from "./texts";

const wax: MantineColorsTuple = [
  "#fbefec",
  "#f6e0da",
  "#edbfb5",
  "#e59c8d",
  "#e5735f",
  "#cf5545",
  "#b53c2e",
  "#9c2a20",
  "#84211a",
  "#6c1a14",
];

/** Warm greys in place of the library's cool ones. */
const gray: MantineColorsTuple = [
  "#fbf9f5",
  "#f6f4f0",
  "#efebe3",
  "#e4dfd6",
  "#d2cbbf",
  "#a9a194",
  "#7d766a",
  "#5d574e",
  "#3d3831",
  "#23201c",
];
const dark: MantineColorsTuple = [
  "#ece7df",
  "#c9c1b6",
  "#b5ada2",
  "#9b9388",
  "#4a443d",
  "#37322d",
  "#2b2724",
  "#211e1b",
  "#191715",
  "#120f0d",
];

/** What opens above the page is there before the next key: what fades in is not there for its first frames. */
export const AT_ONCE = { duration: 0 } as const;

export const theme = createTheme({
  colors: { wax, gray, dark },
  primaryColor: "wax",
  primaryShade: { light: 7, dark: 4 },
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  headings: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontWeight: "640" },
  defaultRadius: 8,
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "15px", xl: "18px" },
  cursorType: "pointer",
  components: {
    // The library's close buttons have no name of their own.
    Notification: { defaultProps: { closeButtonProps: { "aria-label": texts.close } } },
    Modal: {
      defaultProps: { closeButtonProps: { "aria-label": texts.close }, transitionProps: AT_ONCE },
    },
    Menu: { defaultProps: { transitionProps: AT_ONCE } },
    Popover: { defaultProps: { transitionProps: AT_ONCE } },
  },
});

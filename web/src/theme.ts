import { createTheme, type MantineColorsTuple } from "@mantine/core";

const wax: MantineColorsTuple = [
  "#fbefec", "#f6e0da", "#edbfb5", "#e59c8d", "#e5735f", "#cf5545", "#b53c2e", "#9c2a20", "#84211a", "#6c1a14",
];

export const theme = createTheme({
  colors: { wax },
  primaryColor: "wax",
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.42,
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  headings: { fontFamily: "'Inter Variable', system-ui, sans-serif", fontWeight: "640" },
  defaultRadius: 8,
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "15px", xl: "18px" },
  cursorType: "pointer",
});

import { ActionIcon, Button, createTheme, Drawer, Modal, Tooltip } from "@mantine/core";

/**
 * The theme's values are in tokens.css: written by script they would be a style element, which the content security
 * policy refuses. For the same reason nothing locks scrolling.
 */
export const theme = createTheme({
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
    Button: Button.extend({ defaultProps: { size: "sm" } }),
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true } }),
    Drawer: Drawer.extend({ defaultProps: { lockScroll: false } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, withArrow: false } }),
  },
});

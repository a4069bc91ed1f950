import { ActionIcon, Button, createTheme, Drawer, Modal, Tooltip } from "@mantine/core";

/**
 * The theme's values are in tokens.css: written by script they would be a style element, which the content security
 * policy refuses. For the same reason nothing locks scrolling.
 */
// A dialog's head is none of the page's landmarks; the bar of a small screen is.
const attributes = { header: { role: "group" } };

export const theme = createTheme({
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
    Button: Button.extend({ defaultProps: { size: "sm" } }),
    Modal: Modal.extend({ defaultProps: { lockScroll: false, centered: true, attributes } }),
    Drawer: Drawer.extend({ defaultProps: { lockScroll: false, attributes } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, withArrow: false } }),
  },
});

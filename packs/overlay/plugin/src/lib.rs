//! The built-in customizer as a component. Nothing deploys it: it is there to be compared with itself.

silver_plugin::export!(customizer: silver_overlay::customizer::OverlayCustomizer);

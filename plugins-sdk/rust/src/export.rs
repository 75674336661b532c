//! The one macro of a plugin.

/// Names the plugin of this crate: `export!(customizer: EXPRESSION)`, `export!(commands: EXPRESSION)` or
/// `export!(node_setup: EXPRESSION)`, where the expression makes a value whose type implements
/// [`Customizer`](crate::customizer::Customizer), [`Commands`](crate::commands::Commands) or
/// [`NodeSetup`](crate::node_setup::NodeSetup). It is evaluated for every call.
///
/// When compiled to WebAssembly this exports the functions of the world `customizer-plugin` or
/// `command-plugin` of `silver:plugin`, or `node-plugin` of the draft `silver:node`; natively it only checks the
/// type. A crate exports one of them: a pack's customizer and commands are two components, since only one of them
/// is pure.
#[macro_export]
macro_rules! export {
    (customizer: $plugin:expr) => {
        const _: fn() = || $crate::glue::is_customizer(&$plugin);

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)] // the generated exports read their arguments from linear memory
        const _: () = {
            use $crate::bindings::customizer::exports::silver::plugin::customizer as world;
            use $crate::bindings::customizer::silver::plugin::{trees, types};

            struct Exported;

            impl world::Guest for Exported {
                fn claims(options: world::Options) -> ::core::result::Result<$crate::glue::List<world::Claim>, types::Failure> {
                    $crate::glue::customizer::claims(&$plugin, options)
                }

                fn check(
                    app: &trees::Tree,
                    customization: &trees::Tree,
                    options: world::Options,
                ) -> ::core::result::Result<$crate::glue::List<types::Diagnostic>, types::Failure> {
                    $crate::glue::customizer::check(&$plugin, app, customization, options)
                }

                fn merge(
                    app: &trees::Tree,
                    customization: &trees::Tree,
                    into: &trees::Overlay,
                    options: world::Options,
                ) -> ::core::result::Result<$crate::glue::List<types::Diagnostic>, types::Failure> {
                    $crate::glue::customizer::merge(&$plugin, app, customization, into, options)
                }
            }

    $crate::bindings::customizer::export_customizer!(Exported with_types_in $crate::bindings::customizer);
        };
    };
    (commands: $plugin:expr) => {
        const _: fn() = || $crate::glue::is_commands(&$plugin);

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)] // the generated exports read their arguments from linear memory
        const _: () = {
            use $crate::bindings::commands::exports::silver::plugin::commands as world;
            use $crate::bindings::customizer::silver::plugin::types;

            struct Exported;

            impl world::Guest for Exported {
                fn list_commands() -> ::core::result::Result<$crate::glue::List<world::CommandSpec>, types::Failure> {
                    $crate::glue::commands::list(&$plugin)
                }

                fn run_command(
                    what: world::Invocation,
                    staging: &world::Staging,
                ) -> ::core::result::Result<world::Outcome, types::Failure> {
                    $crate::glue::commands::run(&$plugin, what, staging)
                }
            }

    $crate::bindings::commands::export_commands!(Exported with_types_in $crate::bindings::commands);
        };
    };
    (node_setup: $plugin:expr) => {
        const _: fn() = || $crate::glue::is_node_setup(&$plugin);

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code)] // the generated exports read their arguments from linear memory
        const _: () = {
            use $crate::bindings::customizer::silver::plugin::types;
            use $crate::bindings::node::exports::silver::node::node_setup as world;

            struct Exported;

            impl world::Guest for Exported {
                fn check(
                    node: world::NodeFacts,
                    settings: $crate::glue::List<($crate::glue::Text, $crate::glue::Text)>,
                ) -> $crate::glue::List<types::Diagnostic> {
                    $crate::glue::node_setup::check(&$plugin, node, settings)
                }

                fn make_plan(
                    node: world::NodeFacts,
                    settings: $crate::glue::List<($crate::glue::Text, $crate::glue::Text)>,
                ) -> ::core::result::Result<world::Plan, types::Failure> {
                    $crate::glue::node_setup::make_plan(&$plugin, node, settings)
                }
            }

    $crate::bindings::node::export_node!(Exported with_types_in $crate::bindings::node);
        };
    };
}

//! A customizer of version 0.1.

use super::{
    V01,
    bindings::customizer::{CustomizerPlugin, CustomizerPluginPre, exports::silver::plugin::customizer as wit},
    convert::{answered, diagnostics, pairs},
};
use crate::{
    extensions::Loaded,
    host::{Call, OverlaySlot, State, TreeSlot, line},
    limits::Limit,
};
use silver_plugin_api::{
    Diagnostic, Failure, Overlay, Tree,
    customizer::{Claim, Customizer, Options},
};
use std::sync::Arc;
use wasmtime::{
    Store,
    component::{HasSelf, Resource},
};

impl V01<CustomizerPluginPre<State>> {
    /// Joins the component with its imports.
    pub(crate) fn customizer(loaded: Arc<Loaded>) -> wasmtime::Result<Self> {
        let mut linker = loaded.linker()?;
        CustomizerPlugin::add_to_linker::<_, HasSelf<State>>(&mut linker, |state| state)?;
        let pre = CustomizerPluginPre::new(loaded.prepare(&linker)?)?;
        Ok(Self { loaded, pre })
    }

    fn run<R>(
        &self,
        call: &'static str,
        run: impl FnOnce(&mut Store<State>, &CustomizerPlugin) -> wasmtime::Result<Result<R, wit::Failure>>,
    ) -> Result<R, Failure> {
        let answer = self.loaded.run(call, |store| {
            let instance = self.pre.instantiate(&mut *store)?;
            run(store, &instance)
        })?;
        answer.map_err(|failure| self.loaded.blame(answered(failure)))
    }
}

impl Customizer for V01<CustomizerPluginPre<State>> {
    fn claims(&self, options: &Options) -> Result<Vec<Claim>, Failure> {
        self.run("claims", |store, plugin| {
            let answer = plugin.silver_plugin_customizer().call_claims(&mut *store, &told(options))?;
            let Ok(claims) = answer else { return Ok(answer.map(|_| Vec::new())) };
            bounded(store, claims.len())?;
            Ok(Ok(claims.iter().map(|claim| Claim { pattern: line(&claim.pattern), summary: line(&claim.summary) }).collect()))
        })
    }

    fn check(&self, app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        let call = Call { app: Some(app), customization: Some(customization), ..Call::default() };
        call.lend(|| {
            self.run("check", |store, plugin| {
                let (app, customization) = trees(store)?;
                let answer = plugin.silver_plugin_customizer().call_check(&mut *store, app, customization, &told(options))?;
                findings(store, answer)
            })
        })
    }

    fn merge(
        &self,
        app: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let call = Call { app: Some(app), customization: Some(customization), into: Some(into), ..Call::default() };
        call.lend(|| {
            self.run("merge", |store, plugin| {
                let (app, customization) = trees(store)?;
                let into = store.data_mut().new_overlay(OverlaySlot::Into)?.rep();
                let into = Resource::new_borrow(into);
                let answer =
                    plugin.silver_plugin_customizer().call_merge(&mut *store, app, customization, into, &told(options))?;
                findings(store, answer)
            })
        })
    }
}

type TreeArgument = Resource<crate::host::TreeHandle>;

/// The two lent trees, as arguments.
fn trees(store: &mut Store<State>) -> wasmtime::Result<(TreeArgument, TreeArgument)> {
    let app = store.data_mut().new_tree(TreeSlot::App)?.rep();
    let customization = store.data_mut().new_tree(TreeSlot::Customization)?.rep();
    Ok((Resource::new_borrow(app), Resource::new_borrow(customization)))
}

fn findings(
    store: &Store<State>,
    answer: Result<Vec<wit::Diagnostic>, wit::Failure>,
) -> wasmtime::Result<Result<Vec<Diagnostic>, wit::Failure>> {
    if let Ok(list) = &answer {
        bounded(store, list.len())?;
    }
    Ok(answer.map(diagnostics))
}

fn bounded(store: &Store<State>, items: usize) -> wasmtime::Result<()> {
    let state = store.data();
    if items > state.limits.items { Err(state.reached(Limit::Items)) } else { Ok(()) }
}

fn told(options: &Options) -> wit::Options {
    wit::Options {
        app_name: options.app_name.clone(),
        app_version: options.app_version.clone(),
        settings: pairs(&options.settings),
        target: options.target.clone(),
        extra: pairs(&options.extra),
    }
}

//! Holds the component in an embedded wasmtime: what a host program would do, with a list of the hosts it may reach.
//!
//! The tests put their own network and clocks in the place of the machine's.

mod policy;
mod told;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use http::{Request, Response};
use wasmtime::component::{Component, Linker, ResourceTable, types::ComponentItem};
use wasmtime::{Cache, CacheConfig, Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

pub use self::policy::Policy;
pub use self::told::Told;
pub use wasmtime_wasi_http::Error as HttpError;

/// What a component gets for its request.
pub type Exchange = Box<dyn Future<Output = Result<(Response<WasiBody>, Ended), HttpError>> + Send>;
/// Ends when the connection does.
pub type Ended = Box<dyn Future<Output = Result<(), HttpError>> + Send>;

/// A network other than the machine's.
pub trait Network: Send + Sync {
    /// Takes a request that the policy has let through.
    fn send(&self, request: Request<WasiBody>) -> Exchange;
}

/// A compiled component.
#[derive(Clone)]
pub struct Program {
    engine: Engine,
    component: Component,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Compiles the component. With a folder (absolute), what was compiled is kept there and found by its content, so
    /// that the next start takes a fraction of the time.
    ///
    /// # Errors
    /// The bytes are no component; the folder cannot be made.
    pub fn new(bytes: &[u8], cache: Option<&Path>) -> Result<Self> {
        let mut config = Config::new();
        if let Some(folder) = cache {
            let mut kept = CacheConfig::new();
            kept.with_directory(folder);
            config.cache(Some(Cache::new(kept)?));
        }
        let engine = Engine::new(&config)?;
        let component = Component::new(&engine, bytes).map_err(anyhow::Error::from).context("this is no component")?;
        Ok(Self { engine, component })
    }

    /// The interfaces that it imports, as its own type names them.
    #[must_use]
    pub fn imports(&self) -> Vec<String> {
        let ty = self.component.component_type();
        let named = ty.imports(&self.engine).map(|(name, item)| match item.ty {
            ComponentItem::ComponentInstance(_) => name.to_owned(),
            _ => format!("{name} (no interface)"),
        });
        named.collect()
    }

    /// Runs it to its end; gives its exit code.
    ///
    /// # Errors
    /// It cannot start, or breaks down.
    pub async fn run(&self, wasi: WasiCtx, policy: Policy, network: Option<Arc<dyn Network>>) -> Result<u8> {
        let mut linker = Linker::new(&self.engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        let hooks = Hooks { policy, network };
        let state = State { wasi, http: WasiHttpCtx::new(), table: ResourceTable::new(), hooks };
        let mut store = Store::new(&self.engine, state);
        let command = Command::instantiate_async(&mut store, &self.component, &linker)
            .await
            .map_err(anyhow::Error::from)
            .context("the component asks for something that this runner does not offer (wasi:cli, wasi:http)")?;
        match command.wasi_cli_run().call_run(&mut store).await {
            Ok(Ok(())) => Ok(0),
            Ok(Err(())) => Ok(1),
            Err(error) => match error.downcast_ref::<I32Exit>() {
                Some(I32Exit(code)) => Ok(u8::try_from(*code).unwrap_or(1)),
                None => bail!("the component broke down: {error:#}"),
            },
        }
    }
}

/// The surroundings that every run shares: arguments and variables. No directory, no socket.
#[must_use]
pub fn surroundings(args: &[String], env: &[(String, String)]) -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    wasi.arg("leader-elector.wasm").args(args).envs(env);
    wasi
}

struct State {
    wasi: WasiCtx,
    http: WasiHttpCtx,
    table: ResourceTable,
    hooks: Hooks,
}

struct Hooks {
    policy: Policy,
    network: Option<Arc<dyn Network>>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        fut: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Exchange {
        _ = fut;
        if !self.policy.allows(&request) {
            return Box::new(async { Err(HttpError::HttpRequestDenied) });
        }
        match &self.network {
            Some(network) => network.send(request),
            None => Box::new(async move {
                use http_body_util::BodyExt;

                let (response, ended) = wasmtime_wasi_http::default_send_request(request, options).await?;
                Ok((response.map(BodyExt::boxed_unsync), Box::new(ended) as Ended))
            }),
        }
    }
}

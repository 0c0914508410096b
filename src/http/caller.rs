//! Who is at the other end of a connection, as far as is known.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::seats::{Seat, Seats};
use super::source::Source;

/// Comes with every request.
#[derive(Debug, Clone)]
pub(super) struct Caller(Arc<Seat>);

impl Caller {
    pub fn new(seat: Arc<Seat>) -> Self {
        Self(seat)
    }

    /// Of somebody within this process, who has a place for himself.
    pub async fn within() -> Self {
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::new(Arc::new(Seats::new(1).take(nobody.into()).await))
    }

    pub fn source(&self) -> Source {
        self.0.source()
    }

    /// Its credentials are good.
    pub fn is_known(&self) {
        self.0.renew();
    }

    /// A request in hand keeps its connection from being given to somebody else. Not this one: it is nobody's yet.
    pub fn spare(&self) {
        self.0.spare();
    }
}

/// The routes, for one connection.
pub(super) struct Attended {
    routes: TowerToHyperService<Router>,
    seat: Arc<Seat>,
}

impl Attended {
    pub fn new(router: Router, seat: Arc<Seat>) -> Self {
        Self { routes: TowerToHyperService::new(router), seat }
    }
}

impl Service<Request<Incoming>> for Attended {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Caller::new(Arc::clone(&self.seat)));
        let seat = Arc::clone(&self.seat);
        seat.keep();
        let answer = self.routes.call(request);
        Box::pin(async move {
            let answer = answer.await;
            seat.spare();
            answer
        })
    }
}

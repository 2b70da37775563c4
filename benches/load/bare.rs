//! The baseline of a server: reads a body and responds with a constant.

use std::net::TcpListener;
use std::process::{Child, Command};

use actix_web::{App, HttpResponse, HttpServer, web};

/// The response to `POST /`.
struct Constant(web::Bytes);

/// A bare server in a separate process.
pub(crate) struct Bare(Child);

impl Bare {
    /// Starts this program again as a bare server on a port, with one worker per core, as the service has.
    pub(crate) fn start(port: u16, length: usize) -> Self {
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program).args(["--bare", &format!("{port}:{length}")]).spawn().unwrap();
        Self(child)
    }

    pub(crate) fn process(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves until the process is killed.
pub(crate) fn serve(port: u16, length: usize) {
    let constant = web::Data::new(Constant("x".repeat(length).into()));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let server = HttpServer::new(move || App::new().app_data(constant.clone()).route("/", web::post().to(answer)));
    actix_web::rt::System::new().block_on(server.listen(listener).unwrap().run()).unwrap();
}

async fn answer(body: web::Bytes, constant: web::Data<Constant>) -> HttpResponse {
    std::hint::black_box(body.len());
    HttpResponse::Ok().content_type("application/json").body(constant.0.clone())
}

"""The process that holds one image pipeline with the diffusers library.

Run as ``python -m airunner.engines.diffusers.worker``; ``workers.process`` says
how it lives.
"""

from __future__ import annotations

from airunner.engines.diffusers import libraries
from airunner.engines.diffusers.loading import failure, load_pipeline
from airunner.engines.diffusers.runner import PipelineRunner
from airunner.engines.diffusers.server import ImageServer
from airunner.engines.image import ImagePlan
from airunner.workers.process import Serving, run_worker
from airunner.workers.wire import Order


def load(order: Order[ImagePlan]) -> Serving:
    """Load a pipeline and have it ready to draw."""
    server = ImageServer(PipelineRunner(order.plan, load_pipeline(order.plan)), order.api_key)
    return Serving(server.url, serve=server.serve_forever, tidy=server.parts.discard)


def prepare(is_spare: bool) -> None:
    """Set up the libraries, and import them where there is leisure to."""
    libraries.set_environment()
    if is_spare:
        libraries.import_ahead()


def main() -> None:
    """Serve one pipeline until the parent is gone."""
    run_worker(load, prepare=prepare, failure=failure)


if __name__ == "__main__":
    main()

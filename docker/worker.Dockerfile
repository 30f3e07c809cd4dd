# A worker of a Dask cluster. Reviewed; not built where it was written.
#   docker build -f docker/worker.Dockerfile -t refp-worker .
#   docker run --rm -v /shared:/shared:ro refp-worker tcp://head:8786 --nworkers 8
# The machine that sends the work needs the same versions: build both from one checkout.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN python -m venv /opt/refp \
    && /opt/refp/bin/pip install --no-cache-dir -c constraints.txt '.[cluster,formats]'

FROM python:3.13-slim
RUN useradd --create-home --uid 1000 refp
COPY --from=build /opt/refp /opt/refp
USER refp
WORKDIR /home/refp
ENV PATH=/opt/refp/bin:$PATH \
    REFP_CACHE=/home/refp/cache \
    NUMBA_CACHE_DIR=/home/refp/cache/numba \
    OMP_NUM_THREADS=1
# Kernels use one thread each; more workers, not more threads, use more cores.
ENTRYPOINT ["dask", "worker", "--nthreads", "1"]
CMD ["--help"]

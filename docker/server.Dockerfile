# The pages and the HTTP API. Reviewed; not built where it was written.
#   docker build -f docker/server.Dockerfile -t refp-server .
#   docker run --rm -p 127.0.0.1:8421:8421 -v refp-home:/home/refp/data -v "$PWD/token.txt:/run/token.txt:ro" refp-server
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE constraints.txt ./
COPY src src
RUN python -m venv /opt/refp \
    && /opt/refp/bin/pip install --no-cache-dir -c constraints.txt '.[web,formats,postgres]'

FROM python:3.13-slim
RUN useradd --create-home --uid 1000 refp \
    && mkdir -p /home/refp/data /home/refp/cache \
    && chown -R refp:refp /home/refp
COPY --from=build /opt/refp /opt/refp
USER refp
WORKDIR /home/refp
ENV PATH=/opt/refp/bin:$PATH \
    REFP_HOME=/home/refp/data \
    REFP_CACHE=/home/refp/cache \
    NUMBA_CACHE_DIR=/home/refp/cache/numba \
    MPLCONFIGDIR=/home/refp/cache/matplotlib
VOLUME /home/refp/data
EXPOSE 8421
# Running jobs are stopped by an interrupt, and resume at the next start.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as r; \
token = open('/run/token.txt').read().strip(); \
r.urlopen(r.Request('http://127.0.0.1:8421/api/v1/health', headers={'Authorization': 'Bearer ' + token}))"]
ENTRYPOINT ["refp", "serve", "--host", "0.0.0.0", "--token-file", "/run/token.txt"]

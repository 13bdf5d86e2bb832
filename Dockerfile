# syntax=docker/dockerfile:1
ARG PYTHON=3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM python:${PYTHON} AS build
# "opentelemetry": with what traces need; a file of requirements/ without its ending.
ARG REQUIREMENTS=portal
WORKDIR /src
COPY requirements/build.txt requirements/${REQUIREMENTS}.txt requirements/
# A private index and its authority, where there are: --secret id=pip,src=pip.conf --secret id=ca,src=ca.pem, with
# cert = /run/secrets/ca in pip.conf.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
 python -m venv /build && /build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt \
 && python -m venv --without-pip /app \
 && /build/bin/pip --python /app/bin/python install --no-cache-dir --require-hashes -r requirements/${REQUIREMENTS}.txt
COPY pyproject.toml README.md LICENSE ./
COPY portal portal
COPY templates templates
COPY static static
RUN /build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist . \
 && /build/bin/pip --python /app/bin/python install --no-cache-dir --no-index --no-deps dist/*.whl \
 && /app/bin/python -m compileall -q /app/lib

FROM python:${PYTHON} AS portal
LABEL org.opencontainers.image.title="KYC onboarding portal" org.opencontainers.image.licenses="MIT"
# Nothing is installed in a running container, so it needs no installer.
RUN { ! python -c "import pip" 2>/dev/null || python -m pip uninstall --yes --root-user-action=ignore pip; } \
 && groupadd --system --gid 10001 portal && useradd --system --uid 10001 --gid 10001 --no-create-home portal \
 && install -d -o portal -g portal /data
COPY --from=build /app /app
# Whoever breaks in finds neither a shell nor a package manager to go on with. Not by a shell, which would be gone midway.
RUN ["python", "-c", "\
from pathlib import Path; \
names = 'sh dash bash rbash perl apt apt-get apt-cache dpkg dpkg-deb useradd'.split(); \
[file.unlink() for name in names for folder in ('/bin', '/usr/bin', '/usr/sbin') \
 if (file := Path(folder, name)).exists() or file.is_symlink()]"]
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PORTAL_DATABASE_URL=sqlite:////data/portal.db
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s CMD ["python", "-c", "\
from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=3)"]
CMD ["portal", "serve", "--host", "0.0.0.0", "--port", "8000"]

FROM build AS demo-build
COPY requirements/demo.txt requirements/
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=secret,id=ca \
 /build/bin/pip --python /app/bin/python install --no-cache-dir --require-hashes -r requirements/demo.txt

# docker build --target demo: with the mock of gu1 and the sample shop, for `portal demo`. Not for production.
FROM portal AS demo
COPY --from=demo-build /app /app
COPY e2e/__init__.py e2e/demo.py e2e/judge.py e2e/partners_fixture.py e2e/servers.py /demo/e2e/
COPY e2e/mock_gu1 /demo/e2e/mock_gu1
COPY e2e/partner_site /demo/e2e/partner_site
COPY tests/__init__.py tests/local_http.py tests/ports.py /demo/tests/
ENV PYTHONPATH=/demo
EXPOSE 9000 8100
CMD ["portal", "demo", "--host", "0.0.0.0", "--folder", "/data"]

# Without a --target: the portal alone.
FROM portal

package dev.retainerd.runtime.containerd;

/** An image of busybox alone, as an OCI archive, made by the tools of the host. */
final class TinyImage {
  /** Arguments: the folder to make tiny.tar in, and the image's name. */
  static final String SCRIPT =
      """
      work="$1/tiny"; name="$2"
      arch=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
      mkdir -p "$work/root/bin" "$work/oci/blobs/sha256"
      cp /bin/busybox "$work/root/bin/busybox"
      for tool in sh echo cat sleep true false; do ln -s busybox "$work/root/bin/$tool"; done
      tar -C "$work/root" --owner=0 --group=0 --numeric-owner -cf "$work/layer.tar" .
      cd "$work/oci"
      keep() {
        digest=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1")
        cp "$1" "blobs/sha256/$digest"
      }
      diff=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
      gzip -n "$work/layer.tar"
      keep "$work/layer.tar.gz"; layer=$digest; layer_size=$size
      printf '{"architecture":"%s","os":"linux","config":{"Cmd":["sh"],"Env":["PATH=/bin"]},
        "rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$arch" "$diff" > "$work/config"
      keep "$work/config"; config=$digest; config_size=$size
      printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s",
        "size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip",
        "digest":"sha256:%s","size":%d}]}' \\
        "$config" "$config_size" "$layer" "$layer_size" > "$work/manifest"
      keep "$work/manifest"
      printf '{"schemaVersion":2,"manifests":[{
        "mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%d,
        "annotations":{"io.containerd.image.name":"%s"}}]}' "$digest" "$size" "$name" > index.json
      printf '{"imageLayoutVersion":"1.0.0"}' > oci-layout
      tar -cf "$1/tiny.tar" .
      """;

  private TinyImage() {}
}

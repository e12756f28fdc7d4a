import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;

/**
 * Copies a jar; classes of a format before Java 6 come out in that of Java 8. The JVM verifies the old
 * ones by inference whenever they are loaded, and no AOT cache takes them. Called by ./build with the jar
 * and ASM on the class path: IN OUT.
 */
final class NewerClasses {
  /** The first format that the verifier of an AOT cache can read. */
  private static final int JAVA_6 = 50;

  private static final int JAVA_8 = 52;

  public static void main(String[] args) throws IOException {
    try (ZipFile in = new ZipFile(args[0]);
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(Path.of(args[1])))) {
      List<? extends ZipEntry> entries = in.stream().filter(entry -> !entry.isDirectory()).toList();
      for (ZipEntry entry : entries) {
        byte[] content = in.getInputStream(entry).readAllBytes();
        ZipEntry copied = new ZipEntry(entry.getName());
        copied.setTime(entry.getTime());
        out.putNextEntry(copied);
        out.write(entry.getName().endsWith(".class") ? newer(content) : content);
        out.closeEntry();
      }
    }
  }

  private static byte[] newer(byte[] content) {
    if (((content[6] & 0xff) << 8 | content[7] & 0xff) >= JAVA_6) {
      return content;
    }
    ClassReader old = new ClassReader(content);
    ClassWriter made = new ClassWriter(ClassWriter.COMPUTE_FRAMES);
    old.accept(new WithVersion(made), 0);
    return made.toByteArray();
  }

  private static final class WithVersion extends ClassVisitor {
    WithVersion(ClassWriter next) {
      super(Opcodes.ASM9, next);
    }

    @Override
    public void visit(
        int version, int access, String name, String signature, String parent, String[] interfaces) {
      super.visit(JAVA_8, access, name, signature, parent, interfaces);
    }
  }
}

import java.nio.file.Files;
import java.nio.file.Path;

/** Usage: Verify CERTIFICATE PROFILE=FILE...; prints true or false for each file. */
final class Verify {
    public static void main(String[] arguments) throws Exception {
        for (int index = 1; index < arguments.length; index++) {
            String[] asked = arguments[index].split("=", 2);
            byte[] raw = Files.readAllBytes(Path.of(asked[1]));
            System.out.println(Seal.holds(raw, Seal.certificate(arguments[0]), asked[0]));
        }
    }

    private Verify() {}
}

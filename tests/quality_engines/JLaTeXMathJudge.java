import java.awt.Graphics2D;
import java.awt.Insets;
import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.scilab.forge.jlatexmath.TeXConstants;
import org.scilab.forge.jlatexmath.TeXFormula;
import org.scilab.forge.jlatexmath.TeXIcon;

/** Draws formulas with JLaTeXMath: one base64 source a line in, "ok HASH" or "error MESSAGE" a line out. */
public final class JLaTeXMathJudge {
    private static final int LIMIT_SECONDS = 5;

    public static void main(String[] args) throws Exception {
        System.setProperty("java.awt.headless", "true");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(judgeInTime(new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8)));
        }
    }

    /** Some sources make the parser run forever. */
    private static String judgeInTime(String tex) throws Exception {
        FutureTask<String> task = new FutureTask<>(() -> judge(tex));
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        thread.start();
        try {
            return task.get(LIMIT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            thread.stop();
            return "error no result within " + LIMIT_SECONDS + " s";
        }
    }

    private static String judge(String tex) {
        try {
            TeXIcon icon = new TeXFormula(tex).createTeXIcon(TeXConstants.STYLE_DISPLAY, 20);
            icon.setInsets(new Insets(2, 2, 2, 2));
            int width = Math.max(1, icon.getIconWidth());
            int height = Math.max(1, icon.getIconHeight());
            BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_GRAY);
            Graphics2D graphics = image.createGraphics();
            icon.paintIcon(null, graphics, 0, 0);
            graphics.dispose();
            int[] pixels = image.getRaster().getPixels(0, 0, width, height, (int[]) null);
            return "ok " + width + "x" + height + ":" + Integer.toHexString(Arrays.hashCode(pixels));
        } catch (Throwable error) {
            return "error " + String.valueOf(error.getMessage()).replaceAll("\\s+", " ");
        }
    }
}

<%@ page contentType="text/plain; charset=UTF-8" trimDirectiveWhitespaces="true"
    import="java.awt.*, java.awt.image.*, java.io.*, java.net.*, java.nio.charset.*, java.nio.file.*, java.text.*, java.time.*, java.util.*, java.util.concurrent.*, java.util.zip.*, javax.crypto.*, javax.net.ssl.*" %><%!
// What of Java works, a line for each trial.
String draw() throws Exception {
    BufferedImage image = new BufferedImage(60, 20, BufferedImage.TYPE_INT_RGB);
    Graphics2D graphics = image.createGraphics();
    graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
    graphics.drawString("Ö", 5, 15);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    javax.imageio.ImageIO.write(image, "png", png);
    return graphics.getFont().getFamily() + " " + (png.size() > 100);
}

String run(String... command) throws Exception {
    try {
        Process process = new ProcessBuilder(command).start();
        return "there " + process.waitFor();
    } catch (IOException error) {
        return "none";
    }
}

// Over TLS to this server.
String overTls() throws Exception {
    java.security.KeyStore store = java.security.KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream file = new FileInputStream("/tls/ca.pem")) {
        store.setCertificateEntry("a", java.security.cert.CertificateFactory
            .getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    HttpsURLConnection connection = (HttpsURLConnection) new URL("https://localhost:"
        + System.getenv("TLS_PORT") + "/ping.txt").openConnection();
    connection.setSSLSocketFactory(context.getSocketFactory());
    return new String(connection.getInputStream().readAllBytes()).trim() + " " +
        connection.getCipherSuite().startsWith("TLS");
}
%><%
Map<String, Callable<Object>> trials = new LinkedHashMap<>();
trials.put("user", () -> System.getProperty("user.name"));
trials.put("home", () -> System.getProperty("user.home"));
trials.put("names", () -> System.getProperty("sun.jnu.encoding") + " " + Charset.defaultCharset());
trials.put("native", () -> org.apache.catalina.core.AprLifecycleListener.isAprAvailable());
trials.put("zone", () -> ZonedDateTime.ofInstant(Instant.EPOCH, ZoneId.of("Europe/Zurich")) + " " + ZoneId.systemDefault());
trials.put("locale", () -> NumberFormat.getInstance(new Locale("de", "CH")).format(1234.5) + " " + Locale.getDefault());
trials.put("collator", () -> Collator.getInstance(new Locale("sv")).compare("z", "ä") < 0);
trials.put("charsets", () -> Arrays.toString("日本".getBytes("Shift_JIS")) + Charset.forName("EBCDIC-CP-US"));
trials.put("dns", () -> InetAddress.getByName("localhost").isLoopbackAddress());
trials.put("authorities", () -> { TrustManagerFactory f = TrustManagerFactory.getInstance("PKIX");
    f.init((java.security.KeyStore) null);
    return ((X509TrustManager) f.getTrustManagers()[0]).getAcceptedIssuers().length > 50; });
trials.put("cipher", () -> Cipher.getInstance("AES/GCM/NoPadding").getProvider());
trials.put("random", () -> java.security.SecureRandom.getInstanceStrong().getAlgorithm());
trials.put("tls", () -> overTls());
trials.put("zip", () -> new CRC32().getValue());
trials.put("fonts", () -> draw());
trials.put("xml", () -> javax.xml.transform.TransformerFactory.newInstance() != null);
trials.put("script", () -> new javax.script.ScriptEngineManager().getEngineFactories().size());
trials.put("temp", () -> Files.createTempFile("a", "b").getParent());
trials.put("session", () -> request.getSession().isNew());
trials.put("memory", () -> java.lang.management.ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getMax() > 0);
trials.put("network", () -> NetworkInterface.getByName("lo") != null);
trials.put("child", () -> run(System.getProperty("java.home") + "/bin/java", "-version"));
trials.put("shell", () -> run("sh", "-c", "exit").replace("there 0", "there"));
for (Map.Entry<String, Callable<Object>> trial : trials.entrySet()) {
    try {
        out.println(trial.getKey() + ": " + trial.getValue().call());
    } catch (Throwable error) {
        StringWriter trace = new StringWriter();
        error.printStackTrace(new PrintWriter(trace));
        out.println(trial.getKey() + " FAILED: " + trace);
    }
}
%>

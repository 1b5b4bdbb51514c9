// An EST client on Bouncy Castle: java -cp ... BouncyCastle.java host:port label root.pem operation [options].
// Prints certificates as PEM, object identifiers, or "retry SECONDS"; ends with 1 when it was refused.

import java.io.FileReader;
import java.io.OutputStreamWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.net.ssl.KeyManagerFactory;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.est.CSRRequestResponse;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTException;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.JcaHttpAuthBuilder;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.pkcs.PKCS10CertificationRequest;
import org.bouncycastle.util.Store;

public class BouncyCastle {
    static X509Certificate certificate(String path) throws Exception {
        try (var in = Files.newInputStream(Path.of(path))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }

    static ESTService service(String server, String label, String root, Map<String, String> options)
            throws Exception {
        var anchors = Set.of(new TrustAnchor(certificate(root), null));
        var builder = new JsseESTServiceBuilder(
            server, JcaJceUtils.getCertPathTrustManager(anchors, null));
        builder.withTLSVersion(options.getOrDefault("tls", "TLSv1.2")).withTimeout(20000);
        builder.withHostNameAuthorizer((name, session) -> true);
        if (!label.isEmpty())
            builder.withLabel(label);
        if (options.containsKey("cert")) {
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            try (var parser = new PEMParser(new FileReader(options.get("key")))) {
                PrivateKey key = new JcaPEMKeyConverter().getPrivateKey((PrivateKeyInfo) parser.readObject());
                store.setKeyEntry("device", key, new char[0],
                    new X509Certificate[] {certificate(options.get("cert"))});
            }
            KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
            managers.init(store, new char[0]);
            builder.withKeyManagers(managers.getKeyManagers());
        }
        return builder.build();
    }

    static void print(Store<X509CertificateHolder> store) throws Exception {
        try (var writer = new JcaPEMWriter(new OutputStreamWriter(System.out))) {
            for (X509CertificateHolder each : ESTService.storeToArray(store))
                writer.writeObject(each);
        }
    }

    static void enrol(ESTService est, String operation, Map<String, String> options) throws Exception {
        var csr = new PKCS10CertificationRequest(Files.readAllBytes(Path.of(options.get("csr"))));
        ESTAuth password = !options.containsKey("password") ? null
            : new JcaHttpAuthBuilder(null, "x", options.get("password").toCharArray())
                .setProvider("BC").build();
        EnrollmentResponse answer = operation.equals("serverkeygen")
            ? est.simpleEnrollWithServersideCreation(csr, password)
            : est.simpleEnroll(operation.equals("simplereenroll"), csr, password);
        if (answer.getPrivateKeyInfo() != null)
            System.out.println("key " + Base64.getEncoder().encodeToString(answer.getPrivateKeyInfo().getEncoded()));
        if (!answer.isCompleted())
            System.out.println("retry " + Math.round((answer.getNotBefore() - System.currentTimeMillis()) / 1000.0));
        else
            print(answer.getStore());
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Map<String, String> options = new TreeMap<>();
        for (int i = 4; i + 1 < arguments.length; i += 2)
            options.put(arguments[i], arguments[i + 1]);
        try {
            ESTService est = service(arguments[0], arguments[1], arguments[2], options);
            switch (arguments[3]) {
            case "cacerts" -> print(est.getCACerts().getCertificateStore());
            case "csrattrs" -> {
                CSRRequestResponse answer = est.getCSRAttributes();
                if (answer.hasAttributesResponse())
                    for (ASN1ObjectIdentifier each : answer.getAttributesResponse().getRequirements())
                        System.out.println(each.getId());
            }
            case "simpleenroll", "simplereenroll", "serverkeygen" -> enrol(est, arguments[3], options);
            default -> throw new IllegalArgumentException(arguments[3]);
            }
        } catch (ESTException refused) {
            System.err.println(refused);
            System.exit(1);
        }
    }
}

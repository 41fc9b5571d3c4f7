using System.Net;

namespace FaceSearch.Silo.Messaging;

/// <summary>Which broker carries the messages.</summary>
public enum MessageTransport
{
    /// <summary>Inside this process: nobody else hears them.</summary>
    InMemory,

    /// <summary>RabbitMQ (AMQP 0-9-1).</summary>
    RabbitMq,
}

/// <summary>The message broker; configuration section <see cref="Section"/>.</summary>
public sealed class MessagingOptions
{
    public const string Section = "Messaging";

    public MessageTransport Transport { get; set; } = MessageTransport.InMemory;

    /// <summary>Name or address of the broker. Default: this machine.</summary>
    public string Host { get; set; } = "localhost";

    /// <summary>Default 5672, or 5671 with TLS.</summary>
    public int? Port { get; set; }

    public string VirtualHost { get; set; } = "/";

    public string Username { get; set; } = "guest";

    /// <summary>Never logged. Default: that of a fresh RabbitMQ, which takes it from its own machine only.</summary>
    public string? Password { get; set; }

    /// <summary>A file that holds the password (one line), instead of <see cref="Password"/>.</summary>
    public string? PasswordFile { get; set; }

    /// <summary>Encrypts the connection and checks the broker's certificate against <see cref="Host"/>.</summary>
    public bool Tls { get; set; }

    /// <summary>Messages that the broker sends ahead to each queue's consumer. Default 16.</summary>
    public int Prefetch { get; set; } = 16;

    /// <summary>Messages of one queue worked on at once. Default: two a processor.</summary>
    public int Concurrency { get; set; } = 2 * Environment.ProcessorCount;

    /// <summary>How long one publication may wait for the broker's confirmation. Default 5 s.</summary>
    public TimeSpan PublishTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long nothing is published after a publication failed, so that a broker that is away costs nothing. Default 2 s.</summary>
    public TimeSpan PublishPause { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Heartbeat of the connection: a silent broker is given up after about twice that. Default 10 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often the depths of the error queues are looked up. Default 15 s.</summary>
    public TimeSpan ErrorQueueCheck { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Where images of <see cref="Messages.EnrolFace"/> may come from.</summary>
    public ImageSourceOptions Images { get; set; } = new();

    /// <summary>The port that applies.</summary>
    public ushort EffectivePort => (ushort)(Port ?? (Tls ? 5671 : 5672));

    /// <summary>The password that applies.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public string EffectivePassword() => PasswordFile is { Length: > 0 } file ? File.ReadAllText(file).TrimEnd('\r', '\n') : Password ?? "guest";

    /// <summary>What is wrong with the options; null if nothing.</summary>
    public string? Fault()
    {
        if (Port is < 1 or > 65535)
            return "Messaging:Port must be 1 to 65535.";
        if (Password is not null && PasswordFile is not null)
            return "Give Messaging:Password or Messaging:PasswordFile, not both.";
        if (Transport == MessageTransport.RabbitMq && PasswordFile is { Length: > 0 } file && !File.Exists(file))
            return $"Messaging:PasswordFile: there is no file '{file}'.";
        if (Prefetch is < 1 or > 10_000 || Concurrency is < 1 or > 1_024)
            return "Messaging:Prefetch must be 1 to 10,000 and Messaging:Concurrency 1 to 1,024.";
        if (PublishTimeout < TimeSpan.FromMilliseconds(100) || PublishTimeout > TimeSpan.FromMinutes(1))
            return "Messaging:PublishTimeout must be 0.1 s to 1 minute.";
        if (PublishPause < TimeSpan.Zero || PublishPause > TimeSpan.FromMinutes(1))
            return "Messaging:PublishPause must be 0 to 1 minute.";
        if (Heartbeat < TimeSpan.FromSeconds(1) || Heartbeat > TimeSpan.FromMinutes(10) || ErrorQueueCheck < TimeSpan.FromSeconds(1))
            return "Messaging:Heartbeat must be 1 s to 10 minutes, and Messaging:ErrorQueueCheck at least 1 s.";
        return Images.Fault();
    }
}

/// <summary>The allow list of images by reference. Empty by default: no message can make the server read or fetch anything.</summary>
public sealed class ImageSourceOptions
{
    /// <summary>Folders whose files <c>file:</c> references may name, absolute.</summary>
    public IList<string> Roots { get; init; } = [];

    /// <summary>
    /// Origins that <c>http:</c> and <c>https:</c> references may name, each scheme, host and port: <c>https://photos.example</c>,
    /// <c>https://account.blob.core.windows.net</c>, <c>http://10.0.0.7:9000</c>.
    /// </summary>
    public IList<string> Origins { get; init; } = [];

    /// <summary>
    /// Networks (<c>10.1.0.0/16</c>) that a <em>name</em> of <see cref="Origins"/> may resolve to although they are private, loopback or
    /// link-local. An origin that is an address itself is as explicit as it can be.
    /// </summary>
    public IList<string> PrivateNetworks { get; init; } = [];

    /// <summary>Largest image in bytes. Default 16 MiB.</summary>
    public long MaxBytes { get; set; } = 16L << 20;

    /// <summary>How long one image may take to come. Default 10 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    internal string? Fault()
    {
        if (Roots.FirstOrDefault(r => !Path.IsPathRooted(r)) is { } relative)
            return $"Messaging:Images:Roots: '{relative}' is not an absolute folder.";
        if (Origins.FirstOrDefault(o => ImageOrigin.TryParse(o) is null) is { } origin)
            return $"Messaging:Images:Origins: '{origin}' is not scheme, host and port such as https://photos.example:8443, without a path.";
        if (PrivateNetworks.FirstOrDefault(n => !IPNetwork.TryParse(n, out _)) is { } network)
            return $"Messaging:Images:PrivateNetworks: '{network}' is not a network such as 10.1.0.0/16.";
        if (MaxBytes is < 1 or > 1L << 30 || Timeout < TimeSpan.FromMilliseconds(100) || Timeout > TimeSpan.FromMinutes(2))
            return "Messaging:Images:MaxBytes must be 1 byte to 1 GiB and Messaging:Images:Timeout 0.1 s to 2 minutes.";
        return null;
    }
}

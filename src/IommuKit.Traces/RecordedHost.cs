using System.Globalization;
using System.Text;

namespace IommuKit.Traces;

/// <summary>
/// What <c>iommukit record</c> knew of the machine: comment lines in front of the events, which other readers pass over. What was lost stands in a
/// last line behind them.
/// </summary>
/// <remarks>
/// <code>
/// # iommukit record: 1
/// # iommukit kernel: 6.12.95
/// # iommukit device: 0000:00:03.0, group 5, DMA-FQ, nvme
/// </code>
/// </remarks>
public sealed class RecordedHost
{
    private const int Version = 1;
    private const int MostText = 512;
    private const int MostDevices = 1 << 14;

    // A device without a driver, and a group without a type.
    private const string None = "-";

    private readonly List<RecordedDevice> _devices = [];

    private static ReadOnlySpan<byte> Prefix => "# iommukit "u8;

    /// <summary>The kernel; null if it is not said.</summary>
    public string? Kernel { get; set; }

    /// <summary>Its command line; null if it is not said.</summary>
    public string? CommandLine { get; set; }

    /// <summary>The machine, as its firmware calls it; null if it is not said.</summary>
    public string? Machine { get; set; }

    /// <summary>Whether it is a virtual machine; false if nothing says.</summary>
    public bool IsVirtual { get; set; }

    /// <summary>Its processors; 0 if it is not said.</summary>
    public int Processors { get; set; }

    /// <summary>The kind of IOMMU; null if it is not said.</summary>
    public string? Iommu { get; set; }

    /// <summary>What the default domains do: "strict", "lazy", "identity" or "mixed"; null if it is not said.</summary>
    public string? Mode { get; set; }

    /// <summary>The day on which it was recorded (UTC); null if it is not said.</summary>
    public DateOnly? Date { get; set; }

    /// <summary>The clock of the events; null if it is not said.</summary>
    public string? Clock { get; set; }

    /// <summary>The command that was recorded; null if none was.</summary>
    public string? Workload { get; set; }

    /// <summary>Events that the kernel could not keep, those that are marked among the events included; 0 before the end was read.</summary>
    public long Lost { get; private set; }

    /// <summary>The devices behind the IOMMU.</summary>
    public IReadOnlyList<RecordedDevice> Devices => _devices;

    /// <summary>Adds a device.</summary>
    public void Add(RecordedDevice device)
    {
        if (_devices.Count < MostDevices)
        {
            _devices.Add(device);
        }
    }

    /// <summary>Writes the lines in front of the events.</summary>
    public void Write(TextWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write("# tracer: nop\n#\n");
        Write(writer, "record", Version.ToString(CultureInfo.InvariantCulture));
        Write(writer, "date", Date?.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture));
        Write(writer, "kernel", Kernel);
        Write(writer, "command line", CommandLine);
        Write(writer, "machine", Machine);
        Write(writer, "virtual", IsVirtual ? "yes" : null);
        Write(writer, "processors", Processors > 0 ? Processors.ToString(CultureInfo.InvariantCulture) : null);
        Write(writer, "iommu", Iommu);
        Write(writer, "mode", Mode);
        Write(writer, "clock", Clock);
        Write(writer, "workload", Workload);
        foreach (var device in _devices)
        {
            string group = device.Group.ToString(CultureInfo.InvariantCulture);
            Write(writer, "device", $"{device.Name}, group {group}, {device.Type ?? None}, {device.Driver ?? None}");
        }

        writer.Write("#\n");
    }

    /// <summary>Writes the line behind the events.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="lost">Events that the kernel could not keep.</param>
    public static void WriteEnd(TextWriter writer, long lost)
    {
        ArgumentNullException.ThrowIfNull(writer);
        Write(writer, "lost", lost.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Whether a line is one of these.</summary>
    internal static bool IsLine(ReadOnlySpan<byte> line) => line.StartsWith(Prefix);

    /// <summary>Whether a line is the first of these: a recording starts.</summary>
    internal static bool IsStart(ReadOnlySpan<byte> line) => line.StartsWith("# iommukit record: "u8);

    /// <summary>Takes note of one of these lines; of those that a later version has, nothing.</summary>
    internal void Read(ReadOnlySpan<byte> line)
    {
        var rest = line[Prefix.Length..].TrimEnd((byte)'\r');
        if (rest.IndexOf(": "u8) is not (> 0 and int colon))
        {
            return;
        }

        string value = Printable.Of(Encoding.UTF8.GetString(rest[(colon + 2)..][..Math.Min(MostText, rest.Length - colon - 2)]));
        switch (Encoding.UTF8.GetString(rest[..colon]))
        {
            case "kernel":
                Kernel = value;
                break;
            case "command line":
                CommandLine = value;
                break;
            case "machine":
                Machine = value;
                break;
            case "virtual":
                IsVirtual = value == "yes";
                break;
            case "processors":
                Processors = Number(value, ushort.MaxValue);
                break;
            case "iommu":
                Iommu = value;
                break;
            case "mode":
                Mode = value is "strict" or "lazy" or "identity" or "mixed" ? value : null;
                break;
            case "date":
                Date = DateOnly.TryParseExact(value, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;
                break;
            case "clock":
                Clock = value;
                break;
            case "workload":
                Workload = value;
                break;
            case "device":
                ReadDevice(value);
                break;
            case "lost":
                Lost = long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long lost) ? lost : 0;
                break;
            default:
                break;
        }
    }

    private static int Number(string text, int most) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= most ? number : 0;

    private static string? NullIfNone(string text) => text == None ? null : text;

    private static void Write(TextWriter writer, string key, string? value)
    {
        if (value is not null)
        {
            // One line each, whatever the value holds.
            string text = Printable.Of(value);
            writer.Write($"# iommukit {key}: {(text.Length > MostText ? text[..MostText] : text)}\n");
        }
    }

    private void ReadDevice(string text)
    {
        // The driver's name is the last, so that it may hold anything.
        if (text.Split(", ", 4) is [var name, var group, var type, var driver] && group.StartsWith("group ", StringComparison.Ordinal))
        {
            Add(new RecordedDevice(name, Number(group["group ".Length..], int.MaxValue), NullIfNone(type), NullIfNone(driver)));
        }
    }
}

using System.Text;

namespace IommuKit.Traces;

/// <summary>Finds out on what kind of IOMMU a trace was recorded: by events that only one driver has, or by what the kernel printed.</summary>
public sealed class RecordedIommu
{
    internal const string Vtd = "VT-d";
    internal const string AmdVi = "AMD-Vi";
    internal const string SmmuV3 = "SMMUv3";
    internal const string SmmuV2 = "SMMUv2";
    internal const string Virtio = "virtio-iommu";
    internal const string RiscV = "RISC-V IOMMU";
    internal const string Tegra = "Tegra SMMU";

    // What drivers put in front of their messages. A device's name may come before it ("vfio-pci 0000:00:04.0: AMD-Vi: …").
    private static readonly (byte[] Prefix, string Kind)[] Drivers =
    [
        .. new[]
        {
            ("DMAR: ", Vtd),
            ("AMD-Vi: ", AmdVi),
            ("arm-smmu-v3 ", SmmuV3),
            ("arm-smmu ", SmmuV2),
            ("virtio_iommu ", Virtio),
            ("riscv-iommu ", RiscV),
            ("tegra-smmu", Tegra),
        }.Select(driver => (Encoding.ASCII.GetBytes(driver.Item1), driver.Item2)),
    ];

    private readonly VtdSigns _signs = new();

    /// <summary>Its name; null if nothing said so far.</summary>
    public string? Name { get; private set; }

    /// <summary>What else showed so far, of <see cref="RecordedTraits"/>. What is not among them may be there, and was not recorded.</summary>
    public IReadOnlyList<string> Traits => _signs.Names;

    /// <summary>Takes note of an event that the reader has read last.</summary>
    public void See(in TraceEvent traceEvent, TraceReader reader)
    {
        if (traceEvent.Kind is TraceEventKind.QueueSubmit or TraceEventKind.CacheTagFlush or TraceEventKind.TagAssign or TraceEventKind.VtdMapping)
        {
            Name = Vtd;
            _signs.See(traceEvent);
        }
        else if (traceEvent.Kind == TraceEventKind.Console)
        {
            Read(reader.Message);
        }
    }

    /// <summary>Takes note of what the kernel printed. The first that says it counts.</summary>
    public void Read(ReadOnlySpan<byte> message)
    {
        if (Name is not null)
        {
            return;
        }

        foreach (var (prefix, kind) in Drivers)
        {
            if (IsFrom(message, prefix))
            {
                Name = kind;
                return;
            }
        }
    }

    private static bool IsFrom(ReadOnlySpan<byte> message, ReadOnlySpan<byte> prefix)
    {
        int at = message.IndexOf(prefix);
        return at == 0 || (at >= 2 && message[at - 1] == ' ' && message[at - 2] is (byte)':' or (byte)']');
    }
}

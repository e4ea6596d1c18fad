using System.Globalization;
using System.Text;

namespace IommuKit.Traces.Faults;

/// <summary>What a trace says of the machine it comes from: by its heading, and by what the kernel printed if that was recorded too.</summary>
public sealed class TraceMachine
{
    private const int MaxText = 120;
    private const int DayLength = 10;

    private const int MaxDevices = 1 << 14;

    // What only a virtual machine's kernel prints: of the CPU, the board and disks of an emulator, or of what it found out itself.
    private static readonly byte[][] SignsOfVirtual =
    [
        "DMI: QEMU"u8.ToArray(), "QEMU HARDDISK"u8.ToArray(), "QEMU DVD-ROM"u8.ToArray(), "QEMU NVMe"u8.ToArray(), "QEMU Virtual CPU"u8.ToArray(),
        "QEMU TCG CPU"u8.ToArray(), "Hypervisor detected: "u8.ToArray(), "due to virtualization"u8.ToArray(), "Detected virtualization "u8.ToArray(),
        "paravirtualized kernel on KVM"u8.ToArray(), "linux,dummy-virt"u8.ToArray(), "virtio_blk "u8.ToArray(), "virtio_net "u8.ToArray(),
        "virtio_iommu "u8.ToArray(),
    ];

    private static readonly string[] VirtualBoards = ["KVM", "VMware", "VirtualBox", "Virtual Machine", "Xen", "Bochs", "Parallels"];

    private static ReadOnlySpan<byte> ClockSet => "setting system clock to "u8;

    private static ReadOnlySpan<byte> LinuxVersion => "Linux version "u8;

    private static ReadOnlySpan<byte> Board => "DMI: "u8;

    private readonly HashSet<int> _cpus = [];
    private readonly SortedSet<uint> _devices = [];
    private readonly RecordedIommu _iommu = new();
    private string? _recordedIommu;
    private string? _policy;
    private string? _forced;

    /// <summary>The kernel; null if nothing says.</summary>
    public string? Kernel { get; private set; }

    /// <summary>The machine, as its firmware calls it; null if nothing says.</summary>
    public string? Hardware { get; private set; }

    /// <summary>The kind of IOMMU, by the events and messages of its driver; null if there are none.</summary>
    public string? Iommu => _iommu.Name ?? _recordedIommu;

    /// <summary>
    /// What the kernel said that its own domains do: "strict" or "lazy"; null if it did not say, as before Linux 5.15 most drivers did not. A driver that
    /// may not be lazy in a virtual machine is right, whatever the kernel's policy is.
    /// </summary>
    public string? Mode => _forced ?? _policy;

    /// <summary>Whether something says that it is a virtual machine.</summary>
    public bool IsVirtual { get; private set; }

    /// <summary>The PCI devices that were attached to a domain, by segment, bus, device and function.</summary>
    public IReadOnlyList<string> Devices => [.. _devices.Select(DeviceDomains.Name)];

    /// <summary>The day on which the kernel started, by the clock that it read then; null if nothing says.</summary>
    public DateOnly? Date { get; private set; }

    /// <summary>Different processors that events are from.</summary>
    public int CpusSeen => _cpus.Count;

    /// <summary>Notes the processor of an event.</summary>
    public void SeeCpu(int cpu)
    {
        if (cpu >= 0 && _cpus.Count < 8192)
        {
            _cpus.Add(cpu);
        }
    }

    /// <summary>Notes an event that the reader has read last.</summary>
    public void See(in TraceEvent traceEvent, TraceReader reader)
    {
        _iommu.See(traceEvent, reader);
        switch (traceEvent.Kind)
        {
            case TraceEventKind.Console:
                Read(reader.Message);
                break;
            case TraceEventKind.Attach when traceEvent.Device is { } device && _devices.Count < MaxDevices:
                _devices.Add(device);
                break;
            default:
                break;
        }
    }

    /// <summary>Notes what the kernel printed; of a log that may have more in front.</summary>
    public void Read(ReadOnlySpan<byte> message)
    {
        _iommu.Read(message);
        if (Kernel is null && message.IndexOf(LinuxVersion) is >= 0 and var version)
        {
            Kernel = Text(message[(version + LinuxVersion.Length)..], untilBlank: true);
        }

        // Newer kernels also print "DMI: SMBIOS 2.8 present." before it, and "DMI: Memory slots populated: 1/1" after it.
        if (Hardware is null && message.IndexOf(Board) is >= 0 and var board
            && !message[board..].StartsWith("DMI: not present"u8) && !message[board..].StartsWith("DMI: Memory slots"u8)
            && !message[board..].StartsWith("DMI: SMBIOS"u8))
        {
            Hardware = Text(message[(board + Board.Length)..], untilBlank: false).Split(", BIOS ")[0];
            IsVirtual |= Array.Exists(VirtualBoards, name => Hardware.Contains(name, StringComparison.Ordinal));
        }

        ReadMode(message);
        if (!IsVirtual)
        {
            foreach (byte[] sign in SignsOfVirtual)
            {
                IsVirtual |= message.IndexOf(sign) >= 0;
            }
        }

        // "rtc_cmos 00:04: setting system clock to 2026-03-01T12:34:56 UTC (1772368496)"
        if (Date is null && message.IndexOf(ClockSet) is >= 0 and var at)
        {
            var day = message[(at + ClockSet.Length)..];
            Date = day.Length >= DayLength && DateOnly.TryParseExact(
                Encoding.Latin1.GetString(day[..DayLength]), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date) ? date : null;
        }
    }

    /// <summary>Takes what the reader knows of itself.</summary>
    public void Take(TraceReader reader)
    {
        Kernel = reader.Kernel ?? Kernel;
        if (reader.Host is { } host)
        {
            Hardware ??= host.Machine;
            Date ??= host.Date;
            IsVirtual |= host.IsVirtual;
            _recordedIommu = host.Iommu;
        }
    }

    // "iommu: DMA domain TLB invalidation policy: lazy mode (set via kernel command line)", and what drivers said before there was that.
    private void ReadMode(ReadOnlySpan<byte> message)
    {
        if (message.IndexOf("TLB invalidation policy: "u8) is >= 0 and int at)
        {
            var policy = message[(at + "TLB invalidation policy: "u8.Length)..];
            _policy = policy.StartsWith("strict"u8) ? "strict" : policy.StartsWith("lazy"u8) ? "lazy" : _policy;
        }
        else if (message.IndexOf("strict mode due to virtualization"u8) >= 0 || message.IndexOf("batching disallowed due to virtualization"u8) >= 0)
        {
            _forced = "strict";
        }
        else if (message.IndexOf("AMD-Vi: IO/TLB flush on unmap enabled"u8) >= 0 || message.IndexOf("disable batched IOTLB flush"u8) >= 0)
        {
            _policy ??= "strict";
        }
        else if (message.IndexOf("AMD-Vi: Lazy IO/TLB flushing enabled"u8) >= 0)
        {
            _policy ??= "lazy";
        }
    }

    private static string Text(ReadOnlySpan<byte> text, bool untilBlank)
    {
        int end = untilBlank ? text.IndexOf((byte)' ') : text.IndexOfAny("\r\n"u8);
        text = end < 0 ? text : text[..end];
        return Encoding.Latin1.GetString(text[..Math.Min(text.Length, MaxText)]);
    }
}

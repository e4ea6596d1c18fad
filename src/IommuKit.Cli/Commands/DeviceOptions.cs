using System.CommandLine;
using IommuKit.Lab.Replay.Devices;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that put a device beside a replay.</summary>
internal sealed class DeviceOptions
{
    /// <summary>The option that the others need.</summary>
    public const string Name = "--device";

    /// <summary>The option for traffic in the place of a trace.</summary>
    public const string FlowsName = "--flows";

    // A microsecond more or less for one read: beyond it is no memory.
    private const int MostReadNanoseconds = 100_000;
    private const int MostOutstanding = 1024;
    private const int MostFlows = 1024;

    private static readonly NicTraffic DefaultTraffic = new() { Flows = 1 };

    private readonly Option<string?> _device = new(Name)
    {
        Description = "Has a device use what the trace maps, through the caches of the modelled IOMMU, and says what its accesses take under each "
            + $"policy: {string.Join("; ", DeviceProfiles.All.Select(profile => $"{profile.Name}, {profile.Description}"))}.",
        HelpName = "NAME",
    };

    private readonly Option<string?> _read = new("--read-ns")
    {
        Description = $"What a read of a page table takes, in nanoseconds. Default: {DeviceProfiles.All[0].ReadNanoseconds}. With --device.",
        HelpName = "NS",
    };

    private readonly Option<string?> _outstanding = new("--outstanding")
    {
        Description = $"Walks that go on at the same time. Default: {DeviceProfiles.All[0].Outstanding}. With --device.",
        HelpName = "N",
    };

    private readonly Option<string?> _flows = new(FlowsName)
    {
        Description = "In the place of a trace: packets of 4 KiB that a network card receives in this many flows, as in the comparison of "
            + "docs/cost-model.md. What is told for a page is for a packet then. With --device nic.",
        HelpName = "N",
    };

    private readonly Option<string?> _ring = new("--ring")
    {
        Description = $"Pages of the ring that each flow has. Default: {DefaultTraffic.PagesPerRing}. With --flows.",
        HelpName = "PAGES",
    };

    private readonly Option<string?> _perInterrupt = new("--per-interrupt")
    {
        Description = $"Packets of a flow between two of its interrupts. Default: {DefaultTraffic.PerInterrupt}. With --flows.",
        HelpName = "PACKETS",
    };

    private readonly Option<string?> _inARow = new("--in-a-row")
    {
        Description = $"Pages with IOVAs in a row that are mapped and unmapped together. Default: {DefaultTraffic.PagesTogether}. With --flows.",
        HelpName = "PAGES",
    };

    private readonly Option<bool> _noAcks = new("--no-acks")
    {
        Description = "Nothing that was received is acknowledged. Otherwise a page is sent for what came with an interrupt, or each 64 KiB of it. "
            + "With --flows.",
    };

    /// <summary>The options.</summary>
    public IReadOnlyList<Option> Options => [_device, _read, _outstanding, _flows, _ring, _perInterrupt, _inARow, _noAcks];

    /// <summary>The device that was asked for; null if none was.</summary>
    public DeviceProfile? ProfileIn(ParseResult parsed)
    {
        if (parsed.GetValue(_device) is not { } name)
        {
            return Options.FirstOrDefault(option => option != _device && IsNamed(parsed, option)) is { } alone
                ? throw new InputException($"{alone.Name}: this is about a device; it goes with {Name}")
                : null;
        }

        var profile = DeviceProfiles.Find(name) ?? throw Choices.NoSuch(Name, name, DeviceProfiles.All.Select(one => one.Name));
        profile = profile with
        {
            ReadNanoseconds = Number(parsed, _read, MostReadNanoseconds) ?? profile.ReadNanoseconds,
            Outstanding = Number(parsed, _outstanding, MostOutstanding) ?? profile.Outstanding,
        };
        return TrafficIn(parsed, profile) is { } traffic ? profile.With(traffic) : profile;
    }

    private NicTraffic? TrafficIn(ParseResult parsed, DeviceProfile profile)
    {
        if (Number(parsed, _flows, MostFlows) is not { } flows)
        {
            return ((Option[])[_ring, _perInterrupt, _inARow, _noAcks]).FirstOrDefault(option => IsNamed(parsed, option)) is { } alone
                ? throw new InputException($"{alone.Name}: this is about traffic that is made up; it goes with {_flows.Name}")
                : null;
        }

        if (!profile.HasFlows)
        {
            string having = string.Join(", ", DeviceProfiles.All.Where(one => one.HasFlows).Select(one => one.Name));
            throw new InputException($"{_flows.Name}: a {profile.Name} has no flows ({Name} {having} has)");
        }

        int ring = Number(parsed, _ring, NicTraffic.MostPages / flows) ?? DefaultTraffic.PagesPerRing;
        int together = Number(parsed, _inARow, ring) ?? DefaultTraffic.PagesTogether;
        if (ring % together != 0)
        {
            throw new InputException($"{_inARow.Name}: a ring of {ring} pages is no multiple of {together}");
        }

        int packets = Number(parsed, _perInterrupt, ring) ?? Math.Max(Math.Min(DefaultTraffic.PerInterrupt, ring), together);
        return packets % together == 0
            ? new NicTraffic
            {
                Flows = flows,
                PagesPerRing = ring,
                PerInterrupt = packets,
                PagesTogether = together,
                Acknowledges = !parsed.GetValue(_noAcks),
            }
            : throw new InputException($"{_perInterrupt.Name}: {packets} packets are no multiple of the {together} pages of {_inARow.Name}");
    }

    // A switch that nobody named has a result too.
    private static bool IsNamed(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static int? Number(ParseResult parsed, Option<string?> option, int most)
    {
        if (parsed.GetValue(option) is not { } text)
        {
            return null;
        }

        int number = Choices.Number(option.Name, text);
        return number >= 1 && number <= most ? number : throw new InputException($"{option.Name}: {number} is not between 1 and {most}");
    }
}

using System.CommandLine;
using IommuKit.Lab.Replay.Devices;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary>The options that put a device beside a replay.</summary>
internal sealed class DeviceOptions
{
    /// <summary>The option that the others need.</summary>
    public const string Name = "--device";

    // A microsecond more or less for one read: beyond it is no memory.
    private const int MostReadNanoseconds = 100_000;
    private const int MostOutstanding = 1024;

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

    /// <summary>The options.</summary>
    public IReadOnlyList<Option> Options => [_device, _read, _outstanding];

    /// <summary>The device that was asked for; null if none was.</summary>
    public DeviceProfile? ProfileIn(ParseResult parsed)
    {
        if (parsed.GetValue(_device) is not { } name)
        {
            return new[] { _read, _outstanding }.FirstOrDefault(option => parsed.GetValue(option) is not null) is { } alone
                ? throw new InputException($"{alone.Name}: this is about a device; it goes with {Name}")
                : null;
        }

        var profile = DeviceProfiles.Find(name) ?? throw Choices.NoSuch(Name, name, DeviceProfiles.All.Select(one => one.Name));
        return profile with
        {
            ReadNanoseconds = Number(parsed, _read, MostReadNanoseconds) ?? profile.ReadNanoseconds,
            Outstanding = Number(parsed, _outstanding, MostOutstanding) ?? profile.Outstanding,
        };
    }

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

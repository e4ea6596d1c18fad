using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Lab;
using IommuKit.Linux.Bench;
using IommuKit.Linux.Host;
using IommuKit.Linux.Vfio;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit host bench</c>: the table of the 2015 proposal, through the kernel of this machine.</summary>
internal static class HostBenchCommand
{
    private const int MostSeconds = 3600;

    // What can be mapped for a device with less than the usual 39 bits of IOVA.
    private const ulong MostBytes = 1ul << 34;

    public static Command Create(CommandContext context)
    {
        var standard = new HostBenchOptions();
        var device = new Argument<string?>("DEVICE")
        {
            Description = "A device that is with vfio-pci, such as 0000:00:03.0. Default: the only one. It does nothing meanwhile.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var size = new Option<string[]>("--size", "-s")
        {
            Description = "Sizes to map and unmap, with K, M or G; several with commas. Default: the proposal's "
                + $"{string.Join(',', standard.Sizes.Select(one => ByteSize.Format(one)))}.",
            HelpName = "SIZE,…",
        };
        var seconds = new Option<string?>("--seconds")
        {
            Description = $"How long to go on with each size. Default: {standard.Time.TotalSeconds:0}.",
            HelpName = "N",
        };
        var backEnd = new Option<string>("--back-end")
        {
            Description = "By which of the kernel's ways: VFIO's containers, iommufd, or iommufd where there is one.",
            HelpName = string.Join('|', Enum.GetValues<HostBackEnd>().Select(Names.Of)),
            DefaultValueFactory = _ => Names.Of(HostBackEnd.PreferIommufd),
        };
        var results = new ResultOptions();
        var command = new Command(
            "bench",
            "Map and unmap as the 2015 proposal did, through the kernel of this machine: page by page and in one call, small pages and huge ones, and "
                + "what of it is pinning. Needs a device that is with vfio-pci.")
        {
            device,
            size,
            seconds,
            backEnd,
        };
        results.AddTo(command);
        command.SetAction(parsed =>
        {
            var options = new HostBenchOptions
            {
                Sizes = parsed.GetValue(size) is { Length: > 0 } sizes ? Sizes(size.Name, sizes) : standard.Sizes,
                Time = parsed.GetValue(seconds) is { } text ? Seconds(seconds.Name, text) : standard.Time,
            };
            var way = Choices.One<HostBackEnd>(backEnd.Name, parsed.GetValue(backEnd)!);
            return results.Collect(parsed, context, [], writer =>
            {
                var result = Progress.Phases(context, report =>
                {
                    int done = 0;
                    report?.Invoke("host bench", 0);
                    return HostBench.Run(
                        context.Host, parsed.GetValue(device), way, options, _ => report?.Invoke("host bench", ++done / (double)options.Sizes.Count));
                });
                HostBenchOutput.Write(writer, result, HostInfo.Read(context.Host));
            });
        });
        return command;
    }

    private static IReadOnlyList<ulong> Sizes(string option, string[] values)
    {
        var sizes = Choices.Sizes(option, values);
        foreach (ulong size in sizes)
        {
            if (size == 0 || size % SmallPage.Bytes != 0 || size > MostBytes)
            {
                throw new InputException(
                    $"{option}: {ByteSize.Format(size)} is not a multiple of {ByteSize.Format(SmallPage.Bytes)} up to {ByteSize.Format(MostBytes)}");
            }
        }

        return sizes;
    }

    private static TimeSpan Seconds(string option, string text) => Choices.Number(option, text) is > 0 and <= MostSeconds and int seconds
        ? TimeSpan.FromSeconds(seconds)
        : throw new InputException($"{option} {text}: is not from 1 to {MostSeconds}");
}

using System.CommandLine;
using IommuKit.Cli.Invocation;
using IommuKit.Cli.Output;
using IommuKit.Linux.Host;
using IommuKit.Traces;

namespace IommuKit.Cli.Commands;

/// <summary><c>iommukit host</c>: what this machine has, how a program gets to use it, and what its kernel takes to map.</summary>
internal static class HostCommand
{
    /// <summary>The command in the list of commands.</summary>
    public static CommandEntry Entry { get; } = new("host", "Look at this machine.", null, Create);

    private static Command Create(CommandContext context) => new(Entry.Name, Entry.Description)
    {
        CreateInfo(context),
        HostBenchCommand.Create(context),
    };

    private static Command CreateInfo(CommandContext context)
    {
        var device = new Argument<string?>("DEVICE")
        {
            Description = "A device, such as 0000:00:03.0: tells what lets a program use it, and why that is dangerous.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var results = new ResultOptions();
        var command = new Command("info", "Show the IOMMUs, groups and devices of this machine, VFIO and iommufd, and what lets programs use a device.")
        {
            device,
        };
        results.AddTo(command);
        command.SetAction(parsed => results.Collect(parsed, context, [], writer =>
        {
            var info = HostInfo.Read(context.Host);
            if (parsed.GetValue(device) is not { } name)
            {
                HostOutput.Write(writer, info);
                return;
            }

            HostOutput.WriteAccess(writer, AccessOf(info, name), name);
        }));
        return command;
    }

    private static GroupAccess AccessOf(HostInfo info, string name)
    {
        if (info.Groups.FirstOrDefault(group => group.Devices.Any(one => one.Name == name)) is { } group)
        {
            return GroupAccess.Of(info, group);
        }

        return info.UngroupedDevices.FirstOrDefault(one => one.Name == name) is { } device
            ? GroupAccess.OfUngrouped(info, device)
            : throw new InputException($"{name}: there is no such device behind an IOMMU here (see 'iommukit host info')");
    }
}

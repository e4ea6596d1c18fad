using IommuKit.Cli.Invocation;

namespace IommuKit.Cli.Tests;

/// <summary>What the list of commands says of a command before it is made.</summary>
public sealed class CommandEntryTests
{
    public static TheoryData<string> Names => [.. CommandLine.Entries.Select(entry => entry.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_outline_is_listed_as_the_command_itself(string name)
    {
        var entry = CommandLine.Entries.Single(one => one.Name == name);
        var context = new CommandContext(TextWriter.Null, TextWriter.Null, isInteractive: false, terminal: null, Surroundings.None);
        var outline = entry.Outline();
        var command = entry.Make(context);
        outline.Name.ShouldBe(command.Name);
        outline.Description.ShouldBe(command.Description);
        outline.Arguments.Select(argument => argument.Name).ShouldBe(command.Arguments.Select(argument => argument.Name));
        command.Hidden.ShouldBeFalse();
    }

    [Fact]
    public void A_shell_is_told_of_options_though_only_the_command_is_named_in_its_question()
    {
        var told = Command.Run("[suggest:16]", "iommukit replay -");
        told.Code.ShouldBe(0);
        told.Output.ShouldContain("--what-if");
    }
}

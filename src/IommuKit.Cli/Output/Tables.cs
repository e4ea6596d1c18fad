using Spectre.Console;

namespace IommuKit.Cli.Output;

/// <summary>Makes tables that look alike.</summary>
internal static class Tables
{
    /// <summary>Makes an empty table under a title.</summary>
    public static Table Create(IAnsiConsole console, string title, bool isMarkdown)
    {
        if (isMarkdown)
        {
            console.WriteLine($"**{title}**");
            console.WriteLine();
            return new Table { Border = TableBorder.Markdown };
        }

        console.WriteLine(title);
        return new Table { Border = TableBorder.Simple };
    }

    /// <summary>A column of numbers.</summary>
    public static TableColumn Right(string header) => new TableColumn(Markup.Escape(header)).RightAligned().NoWrap();
}

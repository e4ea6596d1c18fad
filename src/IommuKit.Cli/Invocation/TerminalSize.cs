namespace IommuKit.Cli.Invocation;

/// <summary>The size of a terminal.</summary>
/// <param name="Columns">Columns; 0 if it does not know.</param>
/// <param name="Rows">Rows; 0 if it does not know.</param>
internal readonly record struct TerminalSize(int Columns, int Rows = 0);

using IommuKit.Fuzz;

// scripts/fuzz starts it: "seeds TARGET DIR" writes inputs to begin with, "afl TARGET" takes them from afl-fuzz, "run TARGET FILE..." repeats some.
switch (args)
{
    case ["seeds", var name, var folder] when FuzzTarget.Find(name) is { } target:
        Directory.CreateDirectory(folder);
        int count = 0;
        foreach (byte[] seed in target.Seeds())
        {
            File.WriteAllBytes(Path.Combine(folder, $"{count++:d4}"), seed);
        }

        return 0;
    case ["run", var name, .. var files] when FuzzTarget.Find(name) is { } target:
        foreach (string file in files)
        {
            target.Run(File.ReadAllBytes(file));
        }

        Console.WriteLine($"{files.Length} inputs of {name}: no exception");
        return 0;
    case ["afl", var name]:
        // Instrumented code cannot run before the fuzzer has its memory, so that the target is made by the first input.
        FuzzTarget? fuzzed = null;
        SharpFuzz.Fuzzer.Run(stream =>
        {
            fuzzed ??= FuzzTarget.Find(name) ?? throw new InvalidOperationException($"There is no target {name}.");
            using var input = new MemoryStream();
            stream.CopyTo(input);
            fuzzed.Run(input.ToArray());
        });
        return 0;
    default:
        Console.Error.WriteLine($"seeds TARGET DIR, run TARGET FILE... or afl TARGET; targets: {string.Join(' ', FuzzTarget.All.Select(one => one.Name))}");
        return 2;
}

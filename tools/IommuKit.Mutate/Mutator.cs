using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace IommuKit.Mutate;

/// <summary>
/// Finds what can be changed: comparisons and their bounds, sums, conditions, constants by one, statements and locks that can go. What only makes
/// text for
/// people (exceptions, attributes) is left alone.
/// </summary>
internal sealed class Mutator : CSharpSyntaxWalker
{
    private static readonly Dictionary<SyntaxKind, string[]> Operators = new()
    {
        [SyntaxKind.LessThanExpression] = ["<=", ">="],
        [SyntaxKind.LessThanOrEqualExpression] = ["<", ">"],
        [SyntaxKind.GreaterThanExpression] = [">=", "<="],
        [SyntaxKind.GreaterThanOrEqualExpression] = [">", "<"],
        [SyntaxKind.EqualsExpression] = ["!="],
        [SyntaxKind.NotEqualsExpression] = ["=="],
        [SyntaxKind.LogicalAndExpression] = ["||"],
        [SyntaxKind.LogicalOrExpression] = ["&&"],
        [SyntaxKind.AddExpression] = ["-"],
        [SyntaxKind.SubtractExpression] = ["+"],
    };

    private readonly List<Mutant> _found = [];

    private Mutator()
    {
    }

    /// <summary>All mutants of a file, in the order of the text.</summary>
    public static IReadOnlyList<Mutant> Find(SyntaxTree tree)
    {
        var mutator = new Mutator();
        mutator.Visit(tree.GetRoot());
        return mutator._found;
    }

    public override void VisitAttributeList(AttributeListSyntax node)
    {
        // Nothing happens here.
    }

    public override void VisitThrowStatement(ThrowStatementSyntax node)
    {
        // What it says is for people.
    }

    public override void VisitThrowExpression(ThrowExpressionSyntax node)
    {
        // The same.
    }

    public override void VisitBinaryExpression(BinaryExpressionSyntax node)
    {
        foreach (string other in Operators.GetValueOrDefault(node.Kind(), []))
        {
            Add(node.OperatorToken.Span, other, "operator");
        }

        base.VisitBinaryExpression(node);
    }

    public override void VisitLiteralExpression(LiteralExpressionSyntax node)
    {
        if (node.IsKind(SyntaxKind.NumericLiteralExpression) && node.Token.Value is int or uint or long or ulong)
        {
            ulong value = Convert.ToUInt64(node.Token.Value, CultureInfo.InvariantCulture);
            string suffix = node.Token.Value switch { uint => "u", long => "L", ulong => "ul", _ => string.Empty };
            Add(node.Span, string.Create(CultureInfo.InvariantCulture, $"{value + 1}{suffix}"), "constant");
            if (value > 1)
            {
                Add(node.Span, string.Create(CultureInfo.InvariantCulture, $"{value - 1}{suffix}"), "constant");
            }
        }
    }

    public override void VisitIfStatement(IfStatementSyntax node)
    {
        Negate(node.Condition);
        base.VisitIfStatement(node);
    }

    public override void VisitWhileStatement(WhileStatementSyntax node)
    {
        Negate(node.Condition);
        base.VisitWhileStatement(node);
    }

    public override void VisitConditionalExpression(ConditionalExpressionSyntax node)
    {
        Negate(node.Condition);
        base.VisitConditionalExpression(node);
    }

    public override void VisitExpressionStatement(ExpressionStatementSyntax node)
    {
        Add(node.Span, ";", "statement");
        base.VisitExpressionStatement(node);
    }

    public override void VisitLockStatement(LockStatementSyntax node)
    {
        Add(TextSpan.FromBounds(node.LockKeyword.SpanStart, node.CloseParenToken.Span.End), string.Empty, "lock");
        base.VisitLockStatement(node);
    }

    // A pattern variable that is not assigned does not compile, and is passed over then.
    private void Negate(ExpressionSyntax condition) => Add(condition.Span, $"!({condition})", "condition");

    private void Add(TextSpan span, string replacement, string kind) => _found.Add(new Mutant(_tree!, span, replacement, kind));

    private SyntaxTree? _tree;

    public override void Visit(SyntaxNode? node)
    {
        _tree ??= node?.SyntaxTree;
        base.Visit(node);
    }
}
